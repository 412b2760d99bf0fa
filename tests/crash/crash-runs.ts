// npm run test:crash-runs -- [--rounds N] [--json]
import { reportRounds } from './report-rounds.ts';

reportRounds('test:crash-runs', 'tests/crash/killed-runs.test.ts', '50');
