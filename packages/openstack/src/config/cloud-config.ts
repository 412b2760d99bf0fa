import type { Secret } from '../secret.ts';

/** A user, project or domain, by id or by name. */
export type Named = { readonly id: string } | { readonly name: string };

export type NamedInDomain = { readonly id: string } | { readonly name: string; readonly domain: Named };

/** For what a token counts. `trust`: for the project of whoever made the trust. */
export type Scope =
  | { readonly kind: 'project'; readonly project: NamedInDomain }
  | { readonly kind: 'trust'; readonly trustId: string };

export type Credential =
  | {
      readonly kind: 'password';
      readonly user: NamedInDomain;
      readonly password: Secret;
      readonly scope: Scope;
    }
  /** Nothing new can be had once it has ended. */
  | { readonly kind: 'token'; readonly token: Secret; readonly scope: Scope | null }
  /** The same, used as it is: for what it was issued for, also where Keystone would give no other one for it. */
  | { readonly kind: 'issued'; readonly token: Secret }
  | {
      readonly kind: 'application_credential';
      /** By name only together with its user. */
      readonly credential: { readonly id: string } | { readonly name: string; readonly user: NamedInDomain };
      readonly secret: Secret;
    };

export type Interface = 'public' | 'internal' | 'admin';

/** What is needed to talk to one cloud, checked. */
export interface CloudConfig {
  /** The cloud's name in clouds.yaml; `environment` where it comes from OS_…. */
  readonly name: string;
  /** Keystone's, ends in `/v3`. */
  readonly authUrl: string;
  readonly credential: Credential;
  /** Null: the catalog knows only one. */
  readonly region: string | null;
  readonly interface: Interface;
  /** PEM texts of the authorities to trust in place of the system's. */
  readonly ca: string | null;
  /** In place of the catalog's, by service type. */
  readonly endpoints: Readonly<Record<string, string>>;
}
