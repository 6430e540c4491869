import { describe, expect, it } from 'vitest';
import { workerDefaults } from '../../actors/worker.ts';
import type { WorkerConfig } from '../../machines/worker.ts';
import { loadConfig } from '../../runtime/config.ts';
import { specOf } from '../../runtime/master/worker-spec.ts';

const env = (more: Partial<WorkerConfig>, sealed: Record<string, string> = {}): Record<string, string> =>
  specOf({ config: loadConfig({}), secrets: { psk: 'k'.repeat(64), nextPsk: null } as never, id: 'w-1', version: 3, sealed, wanted: { ...workerDefaults, worker_id: 'w-1', docker_image: 'troupe:1', k8s_image: 'troupe:1', ...more } as WorkerConfig }).env;

describe('what a worker is started with', () => {
  it.each(['local', 'remote', 'agent', 'docker', 'k8s'] as const)('%s: windows and shell by its configuration, whatever its variables say', (deployment_type) => {
    expect(env({ deployment_type })).toMatchObject({ WORKER_ID: 'w-1', MAX_AGENTS: '10', ALLOW_SHELL: '0' });
    expect(env({ deployment_type, max_agents: 40, allow_shell: true })).toMatchObject({ MAX_AGENTS: '40', ALLOW_SHELL: '1' });
    expect(env({ deployment_type, env_variables: { ALLOW_SHELL: '1', MAX_AGENTS: '999' } }, { ALLOW_SHELL: '1' })).toMatchObject({ MAX_AGENTS: '10', ALLOW_SHELL: '0' });
  });

  it('one that was stored before there were windows gets the usual number, and no shell', () => {
    expect(env({ max_agents: undefined, allow_shell: undefined } as never)).toMatchObject({ MAX_AGENTS: '10', ALLOW_SHELL: '0' });
  });
});
