import { useId } from "react";

import { fieldText, type Field, type Texts } from "../lib/schema";

interface SchemaFieldsProps {
  fields: Field[];
  /** Values that hold now; the schema's defaults elsewhere. */
  base: Record<string, unknown>;
  texts: Texts;
  wrong: Record<string, string>;
  /** Before the names by which `wrong` and tests know the fields. */
  prefix?: string;
  onChange: (name: string, text: string) => void;
}

/** One line for each parameter of a schema: name, value, unit, bounds, and what it means. */
export function SchemaFields({ fields, base, texts, wrong, prefix = "", onChange }: SchemaFieldsProps) {
  return (
    <div className="fields">
      {fields.map((field) => {
        const before = fieldText(field.name in base ? base[field.name] : field.initial);
        return (
          <SchemaField
            key={field.name}
            field={field}
            testId={`${prefix}${field.name}`}
            before={before}
            text={texts[field.name] ?? before}
            wrong={wrong[`${prefix}${field.name}`]}
            onChange={(text) => onChange(field.name, text)}
          />
        );
      })}
    </div>
  );
}

interface SchemaFieldProps {
  field: Field;
  testId: string;
  before: string;
  text: string;
  wrong: string | undefined;
  onChange: (text: string) => void;
}

function SchemaField({ field, testId, before, text, wrong, onChange }: SchemaFieldProps) {
  const id = useId();
  const changed = text !== before;
  const hint = [field.unit, field.bounds].filter((part) => part !== "").join(" ");
  return (
    <div className={changed ? "field is-changed" : "field"}>
      <label htmlFor={id}>{field.name.replaceAll("_", " ")}</label>
      <ValueInput id={id} field={field} testId={testId} text={text} describedBy={`${id}-help`} wrong={wrong !== undefined} onChange={onChange} />
      <span className="field-hint">{changed ? `was ${before === "" ? "none" : before}` : hint}</span>
      {wrong === undefined ? (
        <p className="field-help" id={`${id}-help`}>
          {field.help}
        </p>
      ) : (
        <p className="field-wrong" id={`${id}-help`} role="alert" data-testid={`wrong-${testId}`}>
          {wrong}
        </p>
      )}
    </div>
  );
}

interface ValueInputProps {
  id: string;
  field: Field;
  testId: string;
  text: string;
  describedBy: string;
  wrong: boolean;
  onChange: (text: string) => void;
}

function ValueInput({ id, field, testId, text, describedBy, wrong, onChange }: ValueInputProps) {
  const shared = { id, "aria-describedby": describedBy, "data-testid": `field-${testId}` };
  const choices = field.kind === "boolean" ? ["false", "true"] : field.choices;
  if (choices.length > 0) {
    return (
      <select {...shared} value={text} onChange={(event) => onChange(event.target.value)}>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {field.kind === "boolean" ? (choice === "true" ? "yes" : "no") : choice}
          </option>
        ))}
      </select>
    );
  }
  return (
    <input
      {...shared}
      type="text"
      inputMode={field.kind === "text" ? "text" : "decimal"}
      placeholder={field.optional ? "none" : ""}
      aria-invalid={wrong}
      value={text}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
