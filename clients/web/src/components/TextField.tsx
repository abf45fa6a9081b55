import { useId } from "react";

interface TextFieldProps {
  label: string;
  testId: string;
  value: string;
  onChange: (value: string) => void;
  help?: string;
  wrong?: string | undefined;
  placeholder?: string;
  /** What may be chosen instead of typed. */
  options?: string[];
}

/** A labelled field with what it means below it, or what is wrong. */
export function TextField({ label, testId, value, onChange, help = "", wrong, placeholder, options }: TextFieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="text"
        data-testid={testId}
        value={value}
        placeholder={placeholder}
        aria-invalid={wrong !== undefined}
        aria-describedby={`${id}-help`}
        list={options === undefined ? undefined : `${id}-list`}
        onChange={(event) => onChange(event.target.value)}
      />
      {options === undefined ? null : (
        <datalist id={`${id}-list`}>
          {options.map((option) => (
            <option key={option} value={option}>
              {option}
            </option>
          ))}
        </datalist>
      )}
      <p className={wrong === undefined ? "field-help" : "field-wrong"} id={`${id}-help`} data-testid={wrong === undefined ? undefined : `wrong-${testId}`}>
        {wrong ?? help}
      </p>
    </div>
  );
}
