import { usageError } from '../command-error.ts';

/** Where Sahara's database is, and as whom it is read. */
export interface SaharaDatabase {
  readonly kind: 'mysql' | 'postgresql';
  readonly host: string;
  readonly port: number;
  /** A Unix socket instead: of MySQL the file, of PostgreSQL the directory. */
  readonly socket?: string;
  readonly user?: string;
  readonly password?: string;
  readonly database: string;
  /** Absent: no TLS. `ca`: file with the authorities that count; null: those of the system. */
  readonly tls?: { readonly ca: string | null };
}

const kinds: Readonly<Record<string, SaharaDatabase['kind']>> = {
  mysql: 'mysql',
  mariadb: 'mysql',
  postgresql: 'postgresql',
  postgres: 'postgresql',
};
const ports = { mysql: 3306, postgresql: 5432 };
const form =
  /^([A-Za-z]+)(?:\+[A-Za-z0-9_]+)?:\/\/(?:([^@/:]*)(?::([^@]*))?@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d{1,5}))?\/([^?/]*)(?:\?(.*))?$/;

/**
 * A URL as SQLAlchemy and OpenStack's services have it, `mysql+pymysql://user:password@host/sahara?charset=utf8`. Throws a
 * CommandError which never quotes any of it: it has a password.
 * @param from where it stands, for the error
 */
export function parseDatabaseUrl(text: string, from: string): SaharaDatabase {
  const found = form.exec(text.trim());
  const [, scheme = '', user, password, hostname = '', port, name = '', query = ''] = found ?? [];
  const refuse = (problem: string) =>
    usageError(`${from}: ${problem}`, 'It looks like mysql+pymysql://USER:PASSWORD@HOST/sahara.');
  if (/^sqlite/.test(text.trim()))
    throw refuse('SQLite is for trying Sahara out; MySQL, MariaDB and PostgreSQL can be read');
  if (!found) throw refuse('this is no URL of a database');
  const kind = kinds[scheme.toLowerCase()];
  if (!kind)
    throw refuse(`databases of the kind '${scheme}' cannot be read, only MySQL, MariaDB and PostgreSQL`);
  const decode = (part: string) => {
    try {
      return decodeURIComponent(part);
    } catch {
      throw refuse('a % stands there that begins no escape; a % itself is written %25');
    }
  };
  const settings = new URLSearchParams(query);
  const database = decode(name);
  if (database === '') throw refuse('it names no database');
  const number = port === undefined ? ports[kind] : Number(port);
  if (number < 1 || number > 65_535) throw refuse('its port is none');
  // PostgreSQL's own way to name a directory of sockets is a host that begins with a slash.
  const asked = settings.get('unix_socket') ?? settings.get('host') ?? undefined;
  const host = hostname.replace(/^\[|\]$/g, '') || (asked?.startsWith('/') ? '' : asked) || 'localhost';
  return {
    kind,
    host,
    port: number,
    ...(asked?.startsWith('/') ? { socket: asked } : {}),
    ...(user ? { user: decode(user) } : {}),
    ...(password ? { password: decode(password) } : {}),
    database,
    ...tlsOf(settings),
  };
}

/** `ssl_ca` is PyMySQL's, `sslmode` and `sslrootcert` are libpq's. A connection is never less safe than they say. */
function tlsOf(settings: URLSearchParams): Pick<SaharaDatabase, 'tls'> {
  const ca = settings.get('ssl_ca') ?? settings.get('sslrootcert');
  const mode = settings.get('sslmode') ?? settings.get('ssl');
  const asked = mode !== null && !['disable', 'allow', 'prefer', 'false', '0'].includes(mode);
  return ca !== null || asked ? { tls: { ca } } : {};
}
