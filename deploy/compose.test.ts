import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadPipeline } from '../graph/document/load.ts';
import { registry } from '../ui/cli/registry.ts';
import { parses } from '../ui/cli/testing/parses.ts';
import { interpolate } from './testing/interpolate.ts';

interface Service {
  image: string;
  build?: { context: string; dockerfile: string };
  command?: string[];
  entrypoint?: string[];
  environment?: Record<string, string>;
  user?: string;
  read_only: boolean;
  cap_drop: string[];
  cap_add?: string[];
  privileged?: boolean;
  network_mode?: string;
  pid?: string;
  security_opt: string[];
  secrets?: string[];
  networks: string[];
  volumes?: string[];
  ports?: string[];
  profiles?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test?: string[]; disable?: boolean };
  mem_limit?: string;
  cpus?: number;
  pids_limit?: number;
  restart?: string;
}
interface Compose {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  volumes: Record<string, object>;
  secrets: Record<string, { file: string }>;
}

const here = import.meta.dirname;
const read = (file: string): string => readFileSync(join(here, file), 'utf8');
const text = read('compose.yaml');
const compose = parse(interpolate(text, {}), { merge: true }) as Compose;
const services = Object.entries(compose.services);
const pipeline = loadPipeline(readFileSync(join(here, '../pipelines/trend.yaml'), 'utf8'), 'trend.yaml', registry)
  .pipeline!;
/** Those that run the program. */
const own = services.filter(([, s]) => s.image.startsWith('chimera:'));
const optionOf = (s: Service, name: string): string | undefined => s.command?.[s.command.indexOf(name) + 1];

describe('deploy/compose.yaml', () => {
  it('names only services, networks, volumes and secrets that it declares, and uses all of them', () => {
    const used = { networks: new Set<string>(), volumes: new Set<string>(), secrets: new Set<string>() };
    for (const [name, s] of services) {
      for (const d of Object.keys(s.depends_on ?? {}))
        expect([name, d, d in compose.services]).toEqual([name, d, true]);
      for (const n of s.networks) used.networks.add(n);
      for (const x of s.secrets ?? []) used.secrets.add(x);
      for (const v of s.volumes ?? []) {
        const source = v.split(':')[0]!;
        if (!source.startsWith('.')) used.volumes.add(source);
        // What is mounted from this folder is there, and read-only.
        else expect([v, statSync(join(here, source)).size > 0, v.endsWith(':ro')]).toEqual([v, true, true]);
      }
    }
    for (const kind of ['networks', 'volumes', 'secrets'] as const)
      expect([kind, [...used[kind]].sort()]).toEqual([kind, Object.keys(compose[kind]).sort()]);
  });
  it('waits for health only where there is a health check, and one that ends where it ends', () => {
    for (const [name, s] of services)
      for (const [d, { condition }] of Object.entries(s.depends_on ?? {})) {
        const of = compose.services[d]!;
        if (condition === 'service_healthy')
          expect([name, d, of.healthcheck?.test !== undefined]).toEqual([name, d, true]);
        else
          expect([name, d, condition, of.restart]).toEqual([name, d, 'service_completed_successfully', 'on-failure']);
        // A profile that is off leaves nothing waiting for it.
        if (of.profiles) expect(s.profiles).toEqual(of.profiles);
      }
  });
  it('pins every image to a version', () => {
    const versions = /:(v?\d+\.\d+\.\d+(-[\w.]+)*|RELEASE\.\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)(@sha256:[0-9a-f]{64})?$/;
    for (const [name, { image, build }] of services)
      if (!build) expect([name, image, versions.test(image)]).toEqual([name, image, true]);
    const bases = [...read('Dockerfile').matchAll(/^FROM (\S+)/gm)].map((m) => m[1]!);
    expect(bases.length).toBe(2);
    for (const base of bases) expect(base).toMatch(versions);
  });
  it('publishes every port on the loopback interface, and none twice', () => {
    const ports = services.flatMap(([, s]) => s.ports ?? []);
    expect(ports.length).toBeGreaterThan(4);
    for (const p of ports) expect(p).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    const outside = ports.map((p) => p.split(':')[1]);
    expect(new Set(outside).size).toBe(outside.length);
    // A published port needs a network that leads to this machine; the services of the pipeline have neither.
    for (const [name, s] of services)
      expect([name, s.networks.some((n) => !compose.networks[n]!.internal)]).toEqual([name, s.ports !== undefined]);
  });
  it('gives each container as little as it needs: no rights, a read-only root, bounds', () => {
    for (const [name, s] of services) {
      expect([name, s.read_only, s.cap_drop, s.cap_add, s.privileged, s.network_mode, s.pid]).toEqual([
        name,
        true,
        ['ALL'],
        undefined,
        undefined,
        undefined,
        undefined,
      ]);
      expect(s.security_opt).toContain('no-new-privileges:true');
      expect([name, [s.mem_limit, s.cpus, s.pids_limit].every((x) => x !== undefined)]).toEqual([name, true]);
      expect([name, s.healthcheck !== undefined || s.restart === 'on-failure']).toEqual([name, true]);
      expect((s.volumes ?? []).filter((v) => v.includes('docker.sock'))).toEqual([]);
    }
    for (const [, s] of own) expect(s.user).toBe('10001:10001');
    expect(read('Dockerfile')).toMatch(/^USER 10001:10001$/m);
  });
  it('holds no secret: they are files, which are not kept', () => {
    for (const [name, { file }] of Object.entries(compose.secrets)) {
      expect(file).toBe(`./secrets/${name}`);
      expect(read('make-secrets.sh')).toContain(name);
    }
    expect(read('secrets/.gitignore')).toContain('*');
    for (const [name, s] of services)
      for (const [key, value] of Object.entries(s.environment ?? {}))
        if (/PASSWORD|SECRET|KEY|TOKEN|ROOT_USER/.test(key)) {
          expect([name, key.endsWith('_FILE')]).toEqual([name, true]);
          // The file that is named is one that is mounted.
          expect([name, key, s.secrets]).toEqual([name, key, expect.arrayContaining([value.split('/').at(-1)])]);
        }
    for (const file of ['compose.yaml', 'Dockerfile', 'redis/redis.conf', 'prometheus/prometheus.yaml'])
      expect(read(file)).not.toMatch(/(password|secret|requirepass)\s*[:=]\s*["']?[^\s"'.{$/]{4,}$/im);
    const ignored = read('Dockerfile.dockerignore').split('\n');
    expect(ignored).toContain('*');
    expect(ignored).not.toContain('!deploy');
  });
  it('runs each service of the pipeline once, and no other, all with the same pipeline, profile and bus', () => {
    expect(own.map(([, s]) => optionOf(s, '--service')).sort()).toEqual(Object.keys(pipeline.services).sort());
    const common = own.map(([name, s]) => {
      expect(optionOf(s, '--service')).toBe(name);
      return [s.command![1], optionOf(s, '--profile'), optionOf(s, '--bus')].join(' ');
    });
    expect(new Set(common)).toEqual(new Set(['pipelines/trend.yaml synthetic redis://redis:6379/0']));
  });
  it('has command lines that the program understands', async () => {
    expect(own.length).toBeGreaterThan(3);
    // The check itself finds what is not understood.
    expect(await parses(['run', 'x.yaml', '--no-such-option'])).toContain('unknown option');
    for (const [name, s] of own) {
      expect([name, await parses(s.command!)]).toEqual([name, undefined]);
    }
  });
  it('can run the bus on a Cluster of three nodes, which are joined once they are there', () => {
    const nodes = services.filter(([, s]) => s.entrypoint?.includes('cluster-enabled yes')).map(([n]) => n);
    expect(nodes).toEqual(['redis-1', 'redis-2', 'redis-3']);
    const join = compose.services['redis-cluster']!;
    expect(join.entrypoint!.slice(1)).toEqual(nodes.map((n) => `${n}:6379`));
    expect(Object.keys(join.depends_on!)).toEqual(nodes);
    const bus = `redis+cluster://${nodes.map((n) => `${n}:6379`).join(',')}`;
    const clustered = parse(interpolate(text, { CHIMERA_BUS: bus }), { merge: true }) as Compose;
    for (const [name] of own) expect(optionOf(clustered.services[name]!, '--bus')).toBe(bus);
    // The address is the one that stands above, for people.
    expect(text).toContain(bus);
  });
  it('has Prometheus scrape every service at the port that it serves, with the rules for alerts', () => {
    const config = parse(read('prometheus/prometheus.yaml')) as {
      rule_files: string[];
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
    };
    const targets = config.scrape_configs.flatMap((c) => c.static_configs.flatMap((x) => x.targets));
    expect(targets).toEqual(own.map(([name, s]) => `${name}:${optionOf(s, '--metrics')!.split(':')[1]}`));
    // The alerts ask for this job.
    expect(config.scrape_configs[0]!.job_name).toBe('chimera');
    const mounted = compose.services['prometheus']!.volumes!.map((v) => v.split(':')[1]);
    for (const f of config.rule_files) expect(mounted).toContain(f);
    for (const [, s] of own) expect(s.networks).toContain('metrics');
  });
  it('uses a server of ArangoDB that is new enough', () => {
    const [major, minor] = /:(\d+)\.(\d+)/.exec(compose.services['arangodb']!.image)!.slice(1).map(Number);
    expect(major! * 100 + minor!).toBeGreaterThanOrEqual(311);
  });
});

describe('deploy/Dockerfile', () => {
  const stages = read('Dockerfile')
    .split(/^FROM /m)
    .slice(1);
  it('builds in one stage and takes from it only what runs: nothing for development is in the image', () => {
    expect(stages).toHaveLength(2);
    expect(stages[0]).toMatch(/npm ci/);
    expect(stages[0]).toMatch(/npm prune --omit=dev/);
    const copied = [...stages[1]!.matchAll(/^COPY --from=build \/app\/(\S+) /gm)].map((m) => m[1]);
    expect(copied).toEqual(['package.json', 'bin', 'dist', 'node_modules', 'pipelines']);
    expect(stages[1]).not.toMatch(/npm|apt-get|curl/);
  });
  it('takes no argument and copies no file that is a secret', () => {
    expect(read('Dockerfile')).not.toMatch(/password|token|secret/i);
    expect([...read('Dockerfile').matchAll(/^ARG (\w+)/gm)].map((m) => m[1])).toEqual(['GIT_COMMIT']);
  });
});
