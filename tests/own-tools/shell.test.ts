import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { importOf, LabController } from '../access/lab-controller.ts';
import { type Lab, labUp } from '../set-up/lab.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

const bin = fileURLToPath(new URL('../../packages/cli/bin/wadi.mjs', import.meta.url));
const pty = fileURLToPath(new URL('at-terminal.py', import.meta.url));

/** Milliseconds; the computer may be busy with everything else. */
const patience = 40_000;

let lab: Lab;
let wadi: LabController;

beforeAll(async () => {
  lab = await labUp({ machines: 1 });
  wadi = await LabController.start(lab);
  const imported = await wadi.import(importOf(lab, 'blue'));
  expect(imported.status, imported.status_description).toBe('Active');
});
afterAll(async () => {
  await wadi?.stop();
  await lab?.down();
});

/** A person at a terminal: sees what is shown, types, changes the window. */
class Person {
  readonly #child;
  readonly ended: Promise<number | null>;
  #seen = '';
  #from = 0;
  #over = false;

  constructor(args: readonly string[]) {
    const own = ['--data', wadi.controller.data, ...args];
    const argv = lab.controllerArgv(['python3', pty, process.execPath, bin, ...own]);
    const [program = '', ...rest] = argv;
    this.#child = spawn(program, rest, { env: { ...process.env, TERM: 'xterm' } });
    this.#child.stdout.on('data', (chunk) => {
      this.#seen += chunk;
    });
    this.#child.stderr.on('data', (chunk) => {
      this.#seen += chunk;
    });
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (status) => {
        this.#over = true;
        resolve(status);
      });
    });
  }

  get rest(): string {
    return this.#seen.slice(this.#from);
  }

  type(text: string): void {
    this.#child.stdin.write(`${JSON.stringify({ type: text })}\n`);
  }

  window(columns: number, rows: number): void {
    this.#child.stdin.write(`${JSON.stringify({ window: [rows, columns] })}\n`);
  }

  /** What was shown since the last sight, up to this. */
  async sees(text: string): Promise<string> {
    for (const deadline = performance.now() + patience; ; await sleep(20)) {
      const at = this.#seen.indexOf(text, this.#from);
      if (at >= 0) {
        const part = this.#seen.slice(this.#from, at + text.length);
        this.#from = at + text.length;
        return part;
      }
      if (this.#over || performance.now() > deadline)
        throw new Error(
          `${JSON.stringify(text)} was not shown, but ${JSON.stringify(this.#seen.slice(this.#from))}`,
        );
    }
  }
}

test('a shell is a terminal: size, Ctrl-C, programs that fill the screen, and its exit code', async () => {
  const person = new Person(['shell', 'blue/machine-1']);
  person.type('stty size; echo "on $(hostname) as $TERM"\r');
  expect(await person.sees('on machine-1 as xterm')).toContain('24 80');
  person.window(100, 40);
  person.type('sleep 1; stty size\r');
  await person.sees('40 100');
  person.type('echo ready | tr a-z A-Z; cat\r');
  await person.sees('READY');
  person.type('echoed once\r');
  await person.sees('echoed once\r\nechoed once');
  person.type('\x03');
  await person.sees('$ ');
  person.type('echo "after $?"\r');
  await person.sees('after 130');
  person.type('seq 1000 >/tmp/lines; less /tmp/lines\r');
  // It takes the alternate screen, moves, and gives the screen back.
  await person.sees('\x1b[?1049h');
  person.type('G');
  await person.sees('1000');
  person.type('q');
  await person.sees('\x1b[?1049l');
  person.type('exit 42\r');
  expect(await person.ended).toBe(42);
});

test('as root it is one of root', async () => {
  const person = new Person(['shell', 'blue/machine-1', '--root']);
  person.type('id -u; echo "home $HOME"\r');
  expect(await person.sees('home /root')).toMatch(/\D0\s+home/);
  person.type('exit\r');
  expect(await person.ended, person.rest).toBe(0);
});

test('one that is lost says so', async () => {
  const person = new Person(['shell', 'blue/machine-1']);
  person.type('echo here we are | tr a-z A-Z\r');
  await person.sees('HERE WE ARE');
  await lab.power('off', 'machine-1');
  try {
    await person.sees('the terminal was lost');
    expect(await person.ended).toBe(3);
  } finally {
    await lab.power('on', 'machine-1');
  }
});
