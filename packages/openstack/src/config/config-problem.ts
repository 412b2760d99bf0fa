import { OpenStackError } from '../errors.ts';

/** Where a setting was written: a file and a key in it, or a variable of the environment. */
export interface Place {
  /** `/etc/openstack/clouds.yaml`, `the environment` */
  readonly source: string;
  /** `clouds.lab.auth.password`, `OS_PASSWORD` */
  key(name: string): string;
}

export function invalid(place: Place, name: string, problem: string, hint: string): OpenStackError {
  return new OpenStackError(`${place.source}: ${place.key(name)} ${problem}`, {
    code: 'CONFIG_INVALID',
    hint,
  });
}
