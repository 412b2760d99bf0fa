export type Health = 'GREEN' | 'YELLOW' | 'RED';

/** The last look at a cluster's health. A new one replaces it. */
export interface Verification {
  created_at: string;
  updated_at: string | null;
  id: string;
  cluster_id: string;
  /** GREEN: all checks are; RED: one is. */
  status: 'CHECKING' | Health;
  /** None while it is under way. */
  checks: VerificationCheck[];
}

export interface VerificationCheck {
  created_at: string;
  updated_at: string | null;
  id: string;
  verification_id: string;
  name: string;
  status: Health;
  description: string;
}
