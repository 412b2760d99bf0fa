export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as it is. */
  readonly body?: object | string;
}

/** What a handler throws where it does not obey. */
export class Refusal extends Error {
  readonly reply: Reply;

  constructor(reply: Reply) {
    super(`refused with ${reply.status}`);
    this.reply = reply;
  }
}

const novaTypes: Readonly<Record<number, string>> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  409: 'conflictingRequest',
};

/** As Nova and Cinder say it. */
export function nova(code: number, message: string): Refusal {
  return new Refusal({ status: code, body: { [novaTypes[code] ?? 'computeFault']: { code, message } } });
}

export function neutron(status: number, type: string, message: string): Refusal {
  return new Refusal({ status, body: { NeutronError: { type, message, detail: '' } } });
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
};

/** As Keystone says it. */
export function keystone(code: number, message: string): Refusal {
  return new Refusal({ status: code, body: { error: { code, message, title: titles[code] ?? '' } } });
}

/** As Glance says it: a page. */
export function glance(status: number, message: string): Refusal {
  const title = `${status} ${titles[status] ?? ''}`;
  const body = `<html>\n <head>\n  <title>${title}</title>\n </head>\n <body>\n  <h1>${title}</h1>\n  ${message}<br /><br />\n\n\n </body>\n</html>`;
  return new Refusal({ status, body });
}

/** Of every service, for a request without a valid token. */
export function unauthorized(): Refusal {
  return keystone(401, 'The request you have made requires authentication.');
}
