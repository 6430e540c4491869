import { describe, expect, it } from 'vitest';
import { choose, UNSEEN, type AgentSite, type Holder, type Site, type Want, type World } from '../../runtime/master/placing.ts';

const site = (id: string, more: Partial<Site> = {}): Site => ({ id, incarnation: `i-${id}`, groups: ['default'], labels: { cpu: '2', memory: '2048' }, allowShell: false, maxAgents: 2, maxShells: 0, windows: 0, shells: 0, cpu: 0, overMemory: false, closed: null, lastGiven: 0, ...more });
const want = (more: Partial<Want> = {}): Want => ({ what: 'page', group: 'default', forwardTo: [], forwardAfterMs: 60_000, worker: null, agent: null, account: null, labels: {}, min: {}, ...more });
const agent = (id: string, worker: string, more: Partial<AgentSite> = {}): AgentSite => ({ id, worker, account: null, group: 'default', shared: true, state: 'idle', busy: null, ...more });
const world = (sites: Site[], more: Partial<World> = {}): World => ({ sites, agents: [], holder: () => ({ why: 'no worker has account a yet' }), strategy: null, last: null, ...more });
const where = (w: Want, of: World, waited = 0): string => {
  const c = choose(w, of, waited);
  return 'site' in c ? `${c.site.id}${c.agent ? `:${c.agent}` : ''}` : 'why' in c ? c.why : `never: ${c.never}`;
};
const held = (worker: string, busy: string | null = null): { holder: () => Holder } => ({ holder: () => ({ worker, incarnation: 'i', busy }) });

describe('where a task goes', () => {
  it('by room: to the emptiest, alike ones by name', () => {
    expect(where(want(), world([site('b'), site('a')]))).toBe('a');
    expect(where(want(), world([site('a', { windows: 1 }), site('b')]))).toBe('b');
    expect(where(want(), world([site('a', { windows: 5, maxAgents: 20 }), site('b', { windows: 1, maxAgents: 2 })])), 'by share, not by count').toBe('a');
  });
  it('by strategy', () => {
    const sites = [site('a', { cpu: 0.9, lastGiven: 1 }), site('b', { cpu: 0.1, windows: 1, lastGiven: 3 }), site('c', { cpu: 0.5, lastGiven: 2 })];
    expect(where(want(), world(sites, { strategy: 'least-connections' }))).toBe('a');
    expect(where(want(), world(sites, { strategy: 'round-robin' }))).toBe('a');
    expect(where(want(), world(sites.map((s) => ({ ...s, lastGiven: s.id === 'a' ? 9 : s.lastGiven })), { strategy: 'round-robin' }))).toBe('c');
    expect(where(want(), world(sites, { strategy: 'resource-based' }))).toBe('b');
    expect(where(want(), world(sites, { strategy: 'affinity', last: 'b' }))).toBe('b');
    expect(where(want(), world(sites, { strategy: 'affinity', last: 'gone' }))).toBe('a');
    expect(where(want(), world(sites, { last: 'b' })), 'affinity is not what is usual without an account').toBe('a');
  });
  it('to its group alone, by its exact name', () => {
    const sites = [site('a', { groups: ['linux-2', 'default'] }), site('b', { groups: ['linux'] })];
    expect(where(want({ group: 'linux' }), world(sites))).toBe('b');
    expect(where(want(), world(sites))).toBe('a');
    expect(where(want({ group: 'gpu' }), world(sites))).toBe('no worker of group gpu runs: start one');
    expect(where(want(), world([]))).toBe('no worker of group default runs: start one');
  });
  it('to further groups in their order after a wait', () => {
    const w = want({ group: 'eu', forwardTo: ['us', 'default'], forwardAfterMs: 1_000 });
    const sites = [site('u', { groups: ['us'], windows: 2 }), site('d')];
    expect(where(w, world(sites), 999)).toBe('no worker of group eu runs: start one');
    expect(where(w, world(sites), 1_000)).toBe('d');
    expect(where(w, world([site('u', { groups: ['us'] }), site('d')]), 1_000)).toBe('u');
    expect(where(w, world([...sites, site('e', { groups: ['eu'] })]), 5_000), 'its own group first').toBe('e');
    expect(where({ ...w, forwardAfterMs: 0 }, world(sites))).toBe('d');
  });
  it('where it finds what it asks for', () => {
    const sites = [site('a'), site('g', { labels: { cpu: '8', memory: '16384', gpu: 'rtx', zone: 'cn' } })];
    for (const min of [{ cpu: 4 }, { memoryMb: 4096 }, { gpu: true }, { gpu: 1 }]) expect(where(want({ min }), world(sites)), JSON.stringify(min)).toBe('g');
    expect(where(want({ labels: { zone: 'cn' } }), world(sites))).toBe('g');
    expect(where(want({ min: { cpu: 64 } }), world(sites))).toBe('no running worker of group default has 64 CPU cores');
    expect(where(want({ min: { gpu: 2 }, labels: { zone: 'us' } }), world(sites))).toBe('no running worker of group default has label zone=us and 2 GPUs');
    expect(where(want({ min: { memoryMb: 1 }, worker: 'a', labels: { zone: 'cn' } }), world(sites))).toBe('worker a has no label zone=cn');
    for (const gpu of ['0', 'none', 'false', '']) expect(where(want({ min: { gpu: true } }), world([site('x', { labels: { gpu } })])), gpu).toMatch(/has a GPU$/);
    expect(where(want({ min: { gpu: 2 } }), world([site('x', { labels: { gpu: '2' } })]))).toBe('x');
  });
  it('to no worker that is full, over its memory, draining or on a cordoned machine', () => {
    expect(where(want(), world([site('a', { windows: 2 })]))).toBe('worker a of group default is full (2 of 2)');
    expect(where(want(), world([site('a', { windows: 2 }), site('b', { windows: 3, maxAgents: 3 })]))).toBe('all 2 workers of group default are full (5 of 5)');
    expect(where(want(), world([site('a', { overMemory: true })]))).toBe('every worker of group default is over its memory');
    expect(where(want(), world([site('a', { closed: 'it drains' })]))).toBe('every worker of group default takes nothing new: it drains');
    expect(where(want(), world([site('a', { closed: 'it drains' }), site('b')]))).toBe('b');
    expect(where(want(), world([site('a', { maxAgents: 0 })]))).toBe('the workers of group default run no tasks: give one --max-agents');
  });
  it('of the shell only where that is allowed, with room of its own', () => {
    const shell = want({ what: 'shell' });
    expect(where(shell, world([site('a')]))).toBe('no worker that may run shell tasks: start one with --allow-shell');
    expect(where({ ...shell, group: 'x' }, world([site('a', { groups: ['x'] })]))).toBe('no worker of group x that may run shell tasks: start one with --allow-shell');
    expect(where({ ...shell, worker: 'a' }, world([site('a')]))).toBe('worker a may not run shell tasks: start it with --allow-shell');
    const able = site('s', { allowShell: true, maxShells: 2, maxAgents: 0, shells: 1 });
    expect(where(shell, world([site('a'), able]))).toBe('s');
    expect(where(shell, world([{ ...able, shells: 2 }]))).toBe('worker s of group default is full (2 of 2)');
  });
  it('to the worker that it is pinned to, whatever its group', () => {
    const sites = [site('a'), site('p', { groups: ['other'] })];
    expect(where(want({ worker: 'p' }), world(sites))).toBe('p');
    expect(where(want({ worker: 'z' }), world(sites))).toBe('worker z does not run: start it');
    expect(where(want({ worker: 'p' }), world([site('a'), site('p', { windows: 2 })]))).toBe('worker p is full (2 of 2)');
    expect(where(want({ worker: 'p' }), world([site('p', { closed: 'it drains' })]))).toBe('worker p takes nothing new: it drains');
  });
  it('with an account to the worker that holds it', () => {
    const sites = [site('a'), site('h', { groups: ['other'], windows: 1 })];
    const w = want({ account: 'x' });
    expect(where(w, world(sites))).toBe('no worker has account a yet');
    expect(where(w, world(sites, held('h')))).toBe('h');
    expect(where(w, world(sites, held('h', 'another task')))).toBe('account x is busy with another task');
    expect(where(w, world(sites, held('gone')))).toBe('worker gone, which has its account, does not run');
    expect(where({ ...w, worker: 'a' }, world(sites, held('h')))).toBe('account x is on worker h, and it is pinned to a');
    expect(where({ ...w, what: 'agent' }, world(sites, held('h', 'another task'))), 'a window may open beside').toBe('h');
  });
});

describe('the windows of agents', () => {
  const sites = [site('a', { windows: 2 }), site('b')];
  it('that are idle and fit are taken before a new one is opened', () => {
    expect(where(want(), world(sites, { agents: [agent('one', 'a')] }))).toBe('a:one');
    for (const more of [{ busy: 'task/t' }, { state: 'error' }, { state: 'offline', worker: '' }, { shared: false }, { account: 'x' }]) expect(where(want(), world(sites, { agents: [agent('one', 'a', more)] })), JSON.stringify(more)).toBe('b');
    expect(where(want({ what: 'shell' }), world([site('a', { allowShell: true, maxShells: 1 })], { agents: [agent('one', 'a')] }))).toBe('a');
    expect(where(want({ what: 'agent' }), world(sites, { agents: [agent('one', 'a')] }))).toBe('b');
    expect(where(want({ account: 'x' }), world(sites, { agents: [agent('one', 'a', { account: 'x' }), agent('two', 'a')], ...held('a') }))).toBe('a:one');
  });
  it('that are named are waited for', () => {
    const w = want({ agent: 'one' });
    expect(where(w, world(sites, { agents: [agent('one', 'a')] }))).toBe('a:one');
    expect(where(w, world(sites, { agents: [agent('one', 'a', { busy: 'task/t' })] }))).toBe('its agent one is busy');
    expect(where(w, world(sites, { agents: [agent('one', 'a', { state: 'opening' })] }))).toBe('its agent one is opening');
    expect(where(w, world([], { agents: [agent('one', 'a')] }))).toBe('its agent one is offline');
    expect(where(w, world(sites), UNSEEN - 1)).toBe('its agent one is opening');
    expect(where(w, world(sites), UNSEEN)).toBe('never: there is no agent one: open one, or leave the choice to the fleet');
    expect(where({ ...w, account: 'x' }, world(sites, { agents: [agent('one', 'a')] }))).toBe('never: agent one works without an account, not as x');
    expect(where({ ...w, worker: 'b' }, world(sites, { agents: [agent('one', 'a')] }))).toBe('never: agent one is on worker a, and it is pinned to b');
    expect(where({ ...w, min: { cpu: 16 } }, world(sites, { agents: [agent('one', 'a')] }))).toBe('worker a of its agent one has fewer than 16 CPU cores');
  });
});
