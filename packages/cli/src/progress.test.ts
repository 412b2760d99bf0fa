import type { Cluster, ProvisionStep } from '@wadi/api';
import { describe, expect, it } from 'vitest';
import { Progress } from './progress.ts';

function shown(isTTY: boolean, clusters: readonly Cluster[]): string {
  let text = '';
  const out = { isTTY, columns: 40, rows: 6, write: (chunk: string) => (text += chunk) };
  const progress = new Progress(out as unknown as NodeJS.WriteStream);
  for (const cluster of clusters) progress.show(cluster);
  return text.replaceAll(/\d+\.\d s/g, 'T');
}

function step(name: string, state: Partial<ProvisionStep> = {}): ProvisionStep {
  return {
    id: name,
    step_name: name,
    created_at: name,
    total: 2,
    successful: null,
    ...state,
  } as ProvisionStep;
}

function cluster(status: string, ...steps: ProvisionStep[]): Cluster {
  return { name: 'c', status, provision_progress: steps } as Cluster;
}

const event = { successful: true, instance_name: 'm', event_info: null };

describe('progress', () => {
  it('elsewhere than on a terminal is a line for each change', () => {
    const one = step('a', { events: [event] as ProvisionStep['events'] & object });
    const all = step('a', { successful: true, events: [] });
    const text = shown(false, [cluster('Spawning', one), cluster('Spawning', one), cluster('Active', all)]);
    expect(text).toBe('c: a 1/2\nc: Spawning (T)\nc: a 2/2\nc: Active (T)\n');
  });

  it('leaves out what was done before', () => {
    let text = '';
    const out = { write: (chunk: string) => (text += chunk) } as unknown as NodeJS.WriteStream;
    const [made, removed] = [step('made', { successful: true }), step('removed')];
    new Progress(out, [made]).show(cluster('Deleting', made, removed));
    expect(text).toMatch(/^c: removed 0\/2\nc: Deleting .*\n$/);
  });

  it('names the machine that failed, on one line', () => {
    const bad = { successful: false, instance_name: 'm', event_info: 'no\nanswer' };
    const text = shown(false, [cluster('Error', step('a', { events: [bad] as never }))]);
    expect(text).toContain('c: a 0/2  m: no\n');
  });

  it('on a terminal is drawn over what was there, and never taller or wider than the screen', () => {
    const many = Array.from({ length: 9 }, (_, n) =>
      step(`step number ${n} with a name that is far too long`),
    );
    const text = shown(true, [cluster('Spawning', step('a')), cluster('Spawning', ...many)]);
    expect(text).toContain('\u001b[2A');
    const lines = text.split('\n').slice(2);
    expect(lines.length).toBeLessThanOrEqual(6);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what moves the cursor takes no room
    for (const line of lines) expect(line.replaceAll(/\u001b\[\w+|\r/g, '').length).toBeLessThan(40);
  });
});
