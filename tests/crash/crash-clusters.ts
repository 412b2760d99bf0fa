// npm run test:crash -- [--rounds N] [--json]
import { reportRounds } from './report-rounds.ts';

reportRounds('test:crash', 'tests/crash/killed-clusters.test.ts', '30');
