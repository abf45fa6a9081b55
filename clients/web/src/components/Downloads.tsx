import { downloadUrl } from "../live/rest";
import type { ReconstructionStatus } from "../protocol";

const FILES = [
  { label: "figure", what: "figure", testId: "download-figure", title: "For the logbook: PNG with colour bar and scale bar" },
  { label: "object", what: "object?format=npy", testId: "download-object-npy", title: "Complex object, NumPy" },
  { label: "probe", what: "probe?format=npy", testId: "download-probe-npy", title: "Complex probe, NumPy" },
  { label: "metrics", what: "metrics.csv", testId: "download-metrics", title: "Convergence, CSV" },
];

/** Links to what there is; a link that leads nowhere yet is not one. */
export function Downloads({ recon }: { recon: ReconstructionStatus | null }) {
  const pictured = recon !== null && recon.snapshot > 0;
  return (
    <div className="downloads" role="group" aria-label="Downloads">
      <span className="label">Download</span>
      {FILES.map(({ label, what, testId, title }) => (
        <Link key={label} label={label} title={title} testId={testId} href={pictured ? downloadUrl(recon.id, what) : null} />
      ))}
      <Link
        label="result"
        title="Result file, CXI"
        testId="download-result"
        href={recon === null || recon.result === null ? null : downloadUrl(recon.id, "result")}
      />
    </div>
  );
}

function Link({ label, title, testId, href }: { label: string; title: string; testId: string; href: string | null }) {
  return href === null ? (
    <span className="link is-off" data-testid={testId} title={`${title}: not there yet`}>
      {label}
    </span>
  ) : (
    <a className="link" data-testid={testId} title={title} href={href} download>
      {label}
    </a>
  );
}
