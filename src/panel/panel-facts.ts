import type { MailPolicies } from '../domain/policy';
import { parseSettings, type Say } from '../settings/settings-file';

/**
 * How the panel is set up, as it says with each request: the module's configuration, and the
 * certificate that its own web server shows. A change is there with the next request.
 */
export class PanelFacts {
  readonly #say: Say;
  #settings = '';
  #policies: MailPolicies;
  #certificate: string | null = null;

  constructor(say: Say) {
    this.#say = say;
    this.#policies = parseSettings('', say, placeOf);
  }

  /**
   * Takes what a request says: settings as a settings file has them, and the SHA-256 of the certificate
   * in upper-case hex with colons, or null. Throws SettingsError, and then nothing changes.
   */
  adopt(settings: string, certificate: string | null): void {
    if (settings !== this.#settings) {
      this.#policies = parseSettings(settings, this.#say, placeOf);
      this.#settings = settings;
    }
    this.#certificate = certificate;
  }

  readonly policies = (): MailPolicies => this.#policies;

  /** Null where the panel speaks no TLS. */
  readonly certificate = (): string | null => this.#certificate;
}

/** A form has no lines to name. */
function placeOf(): string {
  return 'Module Config';
}
