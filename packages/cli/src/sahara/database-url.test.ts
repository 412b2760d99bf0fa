import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommandError } from '../command-error.ts';
import { parseDatabaseUrl } from './database-url.ts';

const parse = (text: string) => parseDatabaseUrl(text, 'here');

describe('the URL of a Sahara database', () => {
  it.each([
    [
      'mysql+pymysql://sahara:s3cret@controller/sahara?charset=utf8',
      {
        kind: 'mysql',
        host: 'controller',
        port: 3306,
        user: 'sahara',
        password: 's3cret',
        database: 'sahara',
      },
    ],
    [
      'mysql://u@[2001:db8::1]:3307/db',
      { kind: 'mysql', host: '2001:db8::1', port: 3307, user: 'u', database: 'db' },
    ],
    [
      'mariadb+mysqldb://u:a%40b%2Fc:d@/sahara?unix_socket=/run/mysqld/mysqld.sock',
      {
        ...{
          kind: 'mysql',
          host: 'localhost',
          port: 3306,
          user: 'u',
          password: 'a@b/c:d',
          database: 'sahara',
        },
        socket: '/run/mysqld/mysqld.sock',
      },
    ],
    [
      'postgresql+psycopg2://u@/sahara?host=/run/postgresql',
      {
        kind: 'postgresql',
        host: 'localhost',
        port: 5432,
        user: 'u',
        database: 'sahara',
        socket: '/run/postgresql',
      },
    ],
    [
      'mysql+pymysql://u:p@db/sahara?ssl_ca=/etc/ssl/db.pem',
      {
        ...{ kind: 'mysql', host: 'db', port: 3306, user: 'u', password: 'p', database: 'sahara' },
        tls: { ca: '/etc/ssl/db.pem' },
      },
    ],
    [
      'postgresql://db/sahara?sslmode=require',
      { kind: 'postgresql', host: 'db', port: 5432, database: 'sahara', tls: { ca: null } },
    ],
  ])('%s is read', (text, wanted) => {
    expect(parse(text)).toEqual(wanted);
  });

  it.each([
    ['sqlite:////tmp/sahara.db', 'SQLite is for trying'],
    ['mssql+pyodbc://u:p@db/sahara', "'mssql' cannot be read"],
    ['mysql://u:p@db', 'no URL of a database'],
    ['mysql://u:p@db/', 'names no database'],
    ['mysql://u:%@db/sahara', 'begins no escape'],
    ['mysql://u:p@db:70000/sahara', 'its port is none'],
    ['', 'no URL of a database'],
  ])('%s is refused', (text, why) => {
    expect(() => parse(text)).toThrow(why);
  });

  it('is read as it was written, whatever its parts are', () => {
    const word = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' });
    const port = fc.integer({ min: 1, max: 65_535 });
    fc.assert(
      fc.property(word, word, word, port, (user, password, database, number) => {
        const [u, p, d] = [user, password, database].map(encodeURIComponent);
        const text = `mysql+pymysql://${u}:${p}@db.example:${number}/${d}?charset=utf8`;
        expect(parse(text)).toEqual({
          kind: 'mysql',
          host: 'db.example',
          port: number,
          user,
          password,
          database,
        });
      }),
    );
  });

  it('is never quoted by what refuses it', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (noise) => {
        const secret = 'Hunter-2-Hunter';
        try {
          parse(`${noise}://sahara:${secret}${noise}@${noise}`);
        } catch (error) {
          expect(error).toBeInstanceOf(CommandError);
          expect(`${(error as CommandError).message} ${(error as CommandError).hint}`).not.toContain(secret);
        }
      }),
    );
  });
});
