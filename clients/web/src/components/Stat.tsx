import type { ReactNode } from "react";

interface StatProps {
  label: string;
  value: ReactNode;
  unit?: string;
  testId: string;
  tone?: "warn" | "bad" | undefined;
  title: string;
}

/** A figure with its name: the name small above, the figure large below. */
export function Stat({ label, value, unit, testId, tone, title }: StatProps) {
  return (
    <div className={tone === undefined ? "stat" : `stat tone-${tone}`} title={title}>
      <span className="stat-label">{label}</span>
      <span className="stat-value">
        <span data-testid={testId}>{value}</span>
        {unit === undefined ? null : <span className="unit">{unit}</span>}
      </span>
    </div>
  );
}
