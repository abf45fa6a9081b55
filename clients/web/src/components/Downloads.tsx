import { downloadUrl } from "../live/rest";
import type { ReconstructionStatus } from "../protocol";

const FILES = [
  { label: "object.npy", what: "object?format=npy", testId: "download-object-npy" },
  { label: "object.png", what: "object?format=png&quantity=phase", testId: "download-object-png" },
  { label: "probe.npy", what: "probe?format=npy", testId: "download-probe-npy" },
];

/** Links to what there is; a link that leads nowhere yet is not one. */
export function Downloads({ recon }: { recon: ReconstructionStatus | null }) {
  const pictured = recon !== null && recon.snapshot > 0;
  return (
    <div className="downloads" aria-label="Downloads">
      <span className="label">Download</span>
      {FILES.map(({ label, what, testId }) => (
        <Link key={label} label={label} testId={testId} href={pictured ? downloadUrl(recon.id, what) : null} />
      ))}
      <Link
        label="result.cxi"
        testId="download-result"
        href={recon === null || recon.result === null ? null : downloadUrl(recon.id, "result")}
      />
    </div>
  );
}

function Link({ label, testId, href }: { label: string; testId: string; href: string | null }) {
  return href === null ? (
    <span className="link is-off" data-testid={testId} aria-disabled="true" title="Not there yet">
      {label}
    </span>
  ) : (
    <a className="link" data-testid={testId} href={href} download>
      {label}
    </a>
  );
}
