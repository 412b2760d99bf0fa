import { afterAll, beforeAll, describe } from 'vitest';
import { libraryCalls } from './library-calls.ts';
import { session } from './session.ts';
import { type Sandbox, startSandbox } from './speaker.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox('1.1');
});
afterAll(() => sandbox?.stop());

describe('`openstack dataprocessing` with a token of Wadi, v1.1', () => session(() => sandbox));
describe('python-saharaclient with a token of Wadi, v1.1', () => libraryCalls(() => sandbox));
