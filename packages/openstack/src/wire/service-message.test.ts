import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readServiceMessage } from './service-message.ts';

test.each<[string, string, string | null, string]>([
  [
    'Nova',
    '{"badRequest": {"code": 400, "message": "Invalid key_name provided."}}',
    'badRequest',
    'Invalid key_name provided.',
  ],
  [
    'Neutron',
    '{"NeutronError": {"type": "NetworkInUse", "message": "Unable to complete operation.", "detail": ""}}',
    'NetworkInUse',
    'Unable to complete operation.',
  ],
  ['an old Neutron', '{"NeutronError": "Unknown"}', null, 'Unknown'],
  [
    'Keystone',
    '{"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}',
    'Unauthorized',
    'The request you have made requires authentication.',
  ],
  [
    'Cinder',
    '{"overLimit": {"code": 413, "message": "Maximum reached", "retryAfter": "0"}}',
    'overLimit',
    'Maximum reached',
  ],
  [
    'Placement',
    '{"errors": [{"status": 404, "title": "Not Found", "detail": "no such provider", "code": "placement.undefined_code"}]}',
    'placement.undefined_code',
    'no such provider',
  ],
  [
    'webob',
    '{"message": "Not here.<br />\\n\\n", "code": "404 Not Found", "title": "Not Found"}',
    null,
    'Not here.',
  ],
  [
    'Glance as JSON',
    '{"message": "Image status transition from active to saving is not allowed<br /><br />\\n\\n\\n", "code": "409 Conflict", "title": "Conflict"}',
    null,
    'Image status transition from active to saving is not allowed',
  ],
  [
    'Glance',
    '<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  No image found with ID &quot;x&quot;<br /><br />\n\n\n </body>\n</html>',
    null,
    'No image found with ID "x"',
  ],
  [
    'haproxy',
    '<html><body><h1>503 Service Unavailable</h1>\nNo server is available.\n</body></html>',
    null,
    'No server is available.',
  ],
  ['nothing', '', null, ''],
])('%s', (_name, body, type, text) => {
  expect(readServiceMessage(body, [])).toEqual({ type, text });
});

test('what was sent as a secret is not quoted, however the service writes it', () => {
  fc.assert(
    fc.property(
      fc
        .string({ unit: 'grapheme', minLength: 6 })
        .filter((text) => /[a-z]{3}/i.test(text) && !/secret/.test(text)),
      (secret) => {
        for (const text of [secret, `Invalid: ${JSON.stringify(secret)}`, `Value: '${secret}'.`]) {
          const bodies = [
            JSON.stringify({ badRequest: { message: text } }),
            JSON.stringify({ error: { title: 'x', message: text } }),
          ];
          for (const body of bodies) {
            const said = readServiceMessage(body, [secret]);
            expect(said.text).not.toContain(secret);
            expect(said.text).not.toContain(JSON.stringify(secret).slice(1, -1));
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('Nova quotes user data that it does not like, whole or in part: not we', () => {
  const data = Buffer.from('#!/bin/sh\nhunter2').toString('base64');
  const message = `Invalid input for field/attribute user_data. Value: ${data.slice(0, 12)}... too long`;
  expect(readServiceMessage(JSON.stringify({ badRequest: { message } }), [data]).text).toBe(
    'Invalid input for field/attribute user_data. Value: [secret]',
  );
});

test('any body gives a short line', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.constant('<'.repeat(50_000))), (body) => {
      const { text } = readServiceMessage(body, []);
      expect(text.length).toBeLessThanOrEqual(501);
      expect(text).not.toMatch(/[\n\r\t]/);
    }),
  );
});
