import { useId } from "react";

interface ChoiceProps {
  label: string;
  testId: string;
  options: string[];
  /** What the empty option is called. */
  none?: string;
  value?: string;
  onChange: (value: string) => void;
}

/** A labelled list to choose from. */
export function Choice({ label, testId, options, none = "", value, onChange }: ChoiceProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} data-testid={testId} value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map((option) => (
          <option key={option} value={option}>
            {option === "" ? none : option}
          </option>
        ))}
      </select>
    </div>
  );
}
