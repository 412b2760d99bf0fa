import { defineConfig } from 'vitest/config';

/** What needs a whole OpenStack (lab/openstack); run inside the namespace of its controller's machine. */
export default defineConfig({
  test: {
    include: ['tests/openstack-lab/**/*.lab.ts'],
    globalSetup: ['tests/set-up/global.ts'],
    // Its virtual machines are emulated: several at once need minutes to start.
    testTimeout: 1_200_000,
    hookTimeout: 1_200_000,
    pool: 'forks',
    // They share the cloud's two processors and look at the same project.
    maxWorkers: 1,
    fileParallelism: false,
  },
});
