import type { Mischief, Obeys } from '../set-up/openstack/faults.ts';

export type PlannedFault = readonly [request: string, mischief: Mischief, obeys?: Obeys];

const servers = 'POST /compute/v2.1/servers';
const groups = 'POST /network/v2.0/security-groups';
const rules = 'POST /network/v2.0/security-group-rules';
const addresses = 'POST /network/v2.0/floatingips';
const creations = [groups, rules, servers, addresses];

/** Five of the faults of a creation are the end of its asking, and each cluster asks once for each thing. */
export const passingClusters = 5;

/** What passes, or was obeyed although it failed. Milliseconds of a stall; `all`: also what is slow or alike. */
export function passingFaults({ stall, all }: { readonly stall: number; readonly all: boolean }) {
  const made = creations.flatMap((request): PlannedFault[] => [
    [request, { status: 503, retryAfter: 1 }],
    [request, { status: 401 }],
    [request, { status: 500 }, 'first'],
    [request, { truncated: true }, 'first'],
    [request, { lost: true }, 'first'],
    [request, { lost: true }, 'late'],
    [request, { stall }, 'first'],
  ]);
  const looks = [
    // The listing too.
    'GET /compute/v2.1/servers/*',
    'GET /network/v2.0/security-groups',
    'GET /network/v2.0/floatingips',
    'GET /network/v2.0/ports',
    'PUT /network/v2.0/security-groups/*/tags',
    'PUT /network/v2.0/floatingips/*/tags',
  ].flatMap((request): PlannedFault[] => [
    [request, { status: 500 }],
    [request, { status: 401 }],
    ...further(all, [
      [request, { status: 503, retryAfter: 1 }],
      [request, { lost: true }],
    ]),
  ]);
  return [...made, ...looks];
}

export function deletionFaults({ stall, all }: { readonly stall: number; readonly all: boolean }) {
  return [
    'DELETE /compute/v2.1/servers/*',
    'DELETE /network/v2.0/floatingips/*',
    'DELETE /network/v2.0/security-groups/*',
  ].flatMap((request): PlannedFault[] => [
    [request, { status: 500 }],
    [request, { status: 409 }],
    [request, { truncated: true }, 'first'],
    [request, { lost: true }, 'first'],
    ...further(all, [
      [request, { status: 503, retryAfter: 1 }],
      [request, { lost: true }],
      [request, { status: 401 }],
      [request, { stall }, 'first'],
    ]),
  ]);
}

/** One of these ends one cluster. */
export const refusals: readonly PlannedFault[] = creations.map((request) => [request, { status: 409 }]);

/** These too: nobody knows whether the cloud is still at it, and it is not. */
export const unanswered: readonly PlannedFault[] = [groups, servers, addresses].flatMap(
  (request): PlannedFault[] => [
    [request, { status: 500 }],
    [request, { lost: true }],
    [request, { truncated: true }],
  ],
);

/** Of a stall of so many milliseconds after which nothing was obeyed. */
export const stalledServer = (stall: number): PlannedFault => [servers, { stall }];

/** Neutron refuses the same rule twice: it can be asked for again, whatever happened. */
export const harmless: readonly PlannedFault[] = [
  [rules, { status: 500 }],
  [rules, { lost: true }],
  [rules, { truncated: true }],
];

function further(all: boolean, faults: readonly PlannedFault[]): readonly PlannedFault[] {
  return all ? faults : [];
}
