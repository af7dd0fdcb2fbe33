import type { InputHTMLAttributes, ReactNode } from 'react';
import { Field } from './parts.tsx';

type Props = Omit<InputHTMLAttributes<HTMLInputElement>, 'value' | 'onChange' | 'children'> & {
  readonly label: ReactNode;
  readonly value: string;
  readonly onValue: (value: string) => void;
};

/** A labelled line of text that has to be filled in. */
export function TextField({ label, value, onValue, ...more }: Props) {
  return (
    <Field label={label}>
      <input required value={value} onChange={(e) => onValue(e.target.value)} {...more} />
    </Field>
  );
}

/** The shortest password that the server takes. */
const PASSWORD_LENGTH = 12;

/** A password: the one that is known to the browser's keeper, or a new one. */
export function PasswordField({ fresh = false, ...more }: Props & { readonly fresh?: boolean }) {
  return (
    <TextField
      type="password"
      autoComplete={fresh ? 'new-password' : 'current-password'}
      {...(fresh ? { minLength: PASSWORD_LENGTH } : {})}
      {...more}
    />
  );
}
