import { type FormEvent, useState } from 'react';
import { type SessionState, setUp, signIn } from '../api/session.ts';
import { useText } from '../i18n/text.ts';
import { PasswordField, TextField } from '../parts/fields.tsx';
import { ErrorNote, Note } from '../parts/parts.tsx';
import { change, useSettings } from './settings.ts';

export function SignIn({ phase }: { phase: Exclude<SessionState, { phase: 'signed-in' } | { phase: 'unknown' }> }) {
  const t = useText();
  const { language } = useSettings();
  return (
    <main className="gate">
      <div className="card">
        <div className="row">
          <img src="/icon.svg" alt="" width={34} height={34} />
          <div>
            <h1>{t('app.name')}</h1>
            <p className="dim">{t('app.operations_page')}</p>
          </div>
        </div>
        {phase.phase === 'unreachable' && (
          <Note tone="warn" role="status">
            <h2>{t('unreachable')}</h2>
            <p>{t('unreachable.text')}</p>
          </Note>
        )}
        {phase.phase === 'signed-out' && <SignInForm expired={phase.expired} />}
        {phase.phase === 'setup' && <SetUpForm />}
        <button
          type="button"
          className="quiet small"
          lang={language === 'en' ? 'zh-Hant' : 'en'}
          onClick={() => change({ language: language === 'en' ? 'zh-Hant' : 'en' })}
        >
          {language === 'en' ? '繁體中文' : 'English'}
        </button>
      </div>
    </main>
  );
}

function SignInForm({ expired }: { expired: boolean }) {
  const t = useText();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const { busy, error, submit } = useSubmit(() => signIn(name, password));
  return (
    <form className="stack" onSubmit={submit}>
      {expired && (
        <Note tone="plain" role="status">
          {t('sign_in.expired')}
        </Note>
      )}
      <TextField label={t('sign_in.name')} autoFocus autoComplete="username" value={name} onValue={setName} />
      <PasswordField label={t('sign_in.password')} value={password} onValue={setPassword} />
      {error !== undefined && <ErrorNote error={error} />}
      <button type="submit" className="primary" disabled={busy}>
        {busy ? t('sign_in.working') : t('sign_in')}
      </button>
    </form>
  );
}

function SetUpForm() {
  const t = useText();
  const [code, setCode] = useState('');
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const { busy, error, submit } = useSubmit(() => setUp(code.trim(), name, password));
  const differ = again !== '' && again !== password;
  return (
    <form className="stack" onSubmit={submit}>
      <h2>{t('setup.title')}</h2>
      <p className="dim">{t('setup.text')}</p>
      <TextField
        label={t('setup.code')}
        autoFocus
        className="mono"
        autoComplete="one-time-code"
        value={code}
        onValue={setCode}
      />
      <TextField label={t('sign_in.name')} autoComplete="username" value={name} onValue={setName} />
      <PasswordField
        fresh
        label={`${t('sign_in.password')} (${t('setup.rule')})`}
        value={password}
        onValue={setPassword}
      />
      <PasswordField fresh label={t('setup.again')} value={again} aria-invalid={differ} onValue={setAgain} />
      {differ && <p className="bad">{t('setup.differ')}</p>}
      {error !== undefined && <ErrorNote error={error} />}
      <button type="submit" className="primary" disabled={busy || password !== again}>
        {t('setup.create')}
      </button>
    </form>
  );
}

function useSubmit(work: () => Promise<void>): { busy: boolean; error: unknown; submit: (e: FormEvent) => void } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  return {
    busy,
    error,
    submit: (e) => {
      e.preventDefault();
      setBusy(true);
      setError(undefined);
      work().catch((err: unknown) => {
        setError(err);
        setBusy(false);
      });
    },
  };
}
