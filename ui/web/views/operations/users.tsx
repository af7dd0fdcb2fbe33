import { useState } from 'react';
import { ROLES, type Role } from '../../../api/contract/access.ts';
import type { List } from '../../../api/contract/answers.ts';
import type { User } from '../../../api/contract/records.ts';
import { client, useMay, useMe } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useSettings } from '../../app/settings.ts';
import { timeMs } from '../../i18n/format.ts';
import { useText, word } from '../../i18n/text.ts';
import { PasswordField, TextField } from '../../parts/fields.tsx';
import { Badge, Dialog, ErrorNote, Note, Panel, Shown } from '../../parts/parts.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { useCommand } from '../../parts/use-command.ts';

export default function Users() {
  const t = useText();
  const may = useMay();
  return (
    <div className="stack">
      <MyPassword />
      {may('users.manage') ? <UserList /> : <Note tone="plain">{t('may_not', { permission: 'users.manage' })}</Note>}
    </div>
  );
}

function UserList() {
  const t = useText();
  const { zone } = useSettings();
  const me = useMe();
  const users = useData('users', (s) => client.get<List<User>>('/users', undefined, s));
  const [editing, setEditing] = useState<User | 'new'>();
  const [removing, setRemoving] = useState<User>();
  const command = useCommand();
  const remove = async (u: User) => {
    await command.run(() => client.call('DELETE', `/users/${encodeURIComponent(u.name)}`));
    setRemoving(undefined);
    users.again();
  };
  const columns: readonly Column<User>[] = [
    { head: t('name'), names: true, cell: (u) => u.name },
    { head: t('users.roles'), cell: (u) => u.roles.map((r) => word(t, 'role', r)).join(', ') },
    {
      head: t('state'),
      cell: (u) => <Badge tone={u.locked ? 'warn' : 'good'}>{t(u.locked ? 'users.locked' : 'users.active')}</Badge>,
    },
    { head: t('users.created'), look: 'nowrap', cell: (u) => timeMs(u.created_ms, zone, { date: true }) },
    { head: t('users.last_login'), look: 'nowrap', cell: (u) => timeMs(u.last_login_ms, zone, { date: true }) },
    {
      head: t('actions'),
      look: 'nowrap',
      cell: (u) => (
        <>
          <button type="button" className="small" onClick={() => setEditing(u)}>
            {t('users.edit')}
          </button>{' '}
          {u.name !== me?.name && (
            <button type="button" className="small" onClick={() => setRemoving(u)}>
              {t('users.remove')}
            </button>
          )}
        </>
      ),
    },
  ];
  return (
    <Panel
      title={t('tab.users')}
      flush
      actions={
        <button type="button" className="small" onClick={() => setEditing('new')}>
          {t('users.add')}
        </button>
      }
    >
      {command.error !== undefined && <ErrorNote error={command.error} />}
      <Shown of={users}>{({ items }) => <Table rows={items} columns={columns} keyOf={(u) => u.name} />}</Shown>
      {editing && (
        <EditUser
          user={editing === 'new' ? undefined : editing}
          onClose={() => {
            setEditing(undefined);
            users.again();
          }}
        />
      )}
      {removing && (
        <Dialog title={t('users.remove_sure', { name: removing.name })} onClose={() => setRemoving(undefined)}>
          <div className="row end">
            <button type="button" onClick={() => setRemoving(undefined)}>
              {t('cancel')}
            </button>
            <button type="button" className="danger" disabled={command.busy} onClick={() => void remove(removing)}>
              {t('users.remove')}
            </button>
          </div>
        </Dialog>
      )}
    </Panel>
  );
}

function EditUser({ user, onClose }: { user: User | undefined; onClose: () => void }) {
  const t = useText();
  const [name, setName] = useState(user?.name ?? '');
  const [roles, setRoles] = useState<readonly Role[]>(user?.roles ?? ['viewer']);
  const [password, setPassword] = useState('');
  const command = useCommand();
  const save = async () => {
    const done = await command.run(() =>
      user
        ? client.call('PUT', `/users/${encodeURIComponent(user.name)}`, {
            body: { roles, ...(password ? { password } : {}) },
          })
        : client.post('/users', { name, roles, password }),
    );
    if (done) onClose();
  };
  return (
    <Dialog title={user ? user.name : t('users.add')} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(e) => {
          e.preventDefault();
          void save();
        }}
      >
        {!user && <TextField label={t('name')} autoFocus autoComplete="off" value={name} onValue={setName} />}
        <fieldset className="choice">
          <legend>{t('users.roles')}</legend>
          {ROLES.filter((r) => r !== 'service').map((r) => (
            <label key={r} className="row">
              <input
                type="checkbox"
                checked={roles.includes(r)}
                onChange={() => setRoles((list) => (list.includes(r) ? list.filter((x) => x !== r) : [...list, r]))}
              />
              {word(t, 'role', r)}
            </label>
          ))}
        </fieldset>
        <PasswordField
          fresh
          label={user ? t('users.new_password') : `${t('users.password')} (${t('setup.rule')})`}
          required={!user}
          value={password}
          onValue={setPassword}
        />
        {command.error !== undefined && <ErrorNote error={command.error} />}
        <div className="row end">
          <button type="submit" className="primary" disabled={command.busy || roles.length === 0}>
            {t('users.save')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function MyPassword() {
  const t = useText();
  const [old, setOld] = useState('');
  const [fresh, setFresh] = useState('');
  const [changed, setChanged] = useState(false);
  const command = useCommand();
  const save = async () => {
    setChanged(false);
    if (await command.run(() => client.call('PUT', '/me/password', { body: { old, new: fresh } }))) {
      setOld('');
      setFresh('');
      setChanged(true);
    }
  };
  return (
    <Panel title={t('users.my_password')}>
      <form
        className="row"
        onSubmit={(e) => {
          e.preventDefault();
          void save();
        }}
      >
        <PasswordField label={t('users.old_password')} value={old} onValue={setOld} />
        <PasswordField
          fresh
          label={`${t('users.fresh_password')} (${t('setup.rule')})`}
          value={fresh}
          onValue={setFresh}
        />
        <button type="submit" disabled={command.busy}>
          {t('users.save')}
        </button>
      </form>
      {changed && (
        <Note tone="good" role="status">
          {t('users.changed')}
        </Note>
      )}
      {command.error !== undefined && <ErrorNote error={command.error} />}
    </Panel>
  );
}
