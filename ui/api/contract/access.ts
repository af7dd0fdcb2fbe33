/** Who may do what. A route names one permission, a role is a set of them; nothing is granted by a name. */
export const ROLES = [
  'viewer',
  'auditor',
  'researcher',
  'strategist',
  'operator',
  'risk_manager',
  'administrator',
  'service',
] as const;
export type Role = (typeof ROLES)[number];

export const PERMISSIONS = [
  /** Graph, values, decisions, runs, positions, metrics. */
  'read',
  'audit.read',
  /** Taps, time machine, dry-runs, backtests: they cost machine time. */
  'research',
  'config.propose',
  /** Never one's own proposal. */
  'config.approve',
  'orders.write',
  'reconcile',
  'transfer.propose',
  'transfer.approve',
  'alerts.acknowledge',
  'dead_letters.replay',
  'kill.engage',
  'kill.release',
  'users.manage',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

const READ = ['read'] as const;
export const GRANTS: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: READ,
  auditor: [...READ, 'audit.read'],
  researcher: [...READ, 'research'],
  strategist: [...READ, 'research', 'config.propose'],
  operator: [
    ...READ,
    'research',
    'orders.write',
    'reconcile',
    'transfer.propose',
    'alerts.acknowledge',
    'dead_letters.replay',
    'kill.engage',
  ],
  risk_manager: [
    ...READ,
    'research',
    'audit.read',
    'config.approve',
    'transfer.approve',
    'alerts.acknowledge',
    'kill.engage',
    'kill.release',
  ],
  administrator: [...PERMISSIONS],
  /** One service of the system speaking to another: what it may do stands in its token. */
  service: READ,
};
