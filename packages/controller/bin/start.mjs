// Starts the controller.
import { importMain } from './bundle.mjs';

await importMain(import.meta.url, ['api', 'indirect-access', 'openstack', 'wire', 'controller']);
