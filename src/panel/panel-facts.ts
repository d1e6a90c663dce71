import type { MailPolicies } from '../domain/policy';
import { defaultPolicies, parseSettings } from '../settings/settings-file';
import { message, type Message } from '../texts/message';

/**
 * How the panel is set up, as it says with each request: the module's configuration, and the certificate of its web
 * server. A change applies to the next request.
 */
export class PanelFacts {
  #settings = '';
  #policies = defaultPolicies;
  #certificate: string | null = null;

  /**
   * Takes what a request says: settings as in a settings file, and the SHA-256 of the certificate in upper-case hex
   * with colons, or null. Returns what is wrong with the settings, and then nothing changes; null if nothing is.
   */
  adopt(settings: string, certificate: string | null): Message | null {
    if (settings !== this.#settings) {
      const parsed = parseSettings(settings);
      // The form has no lines to name.
      if ('problem' in parsed) return message('setting_in_form', { problem: parsed.problem });
      this.#policies = parsed.policies;
      this.#settings = settings;
    }
    this.#certificate = certificate;
    return null;
  }

  readonly policies = (): MailPolicies => this.#policies;

  /** Null if the panel does not use TLS. */
  readonly certificate = (): string | null => this.#certificate;
}
