import type { settingsJson } from '../../src/formats/json';

export type Settings = ReturnType<typeof settingsJson>;
export type Service = Settings['incoming'][number];

/** A mail client in the bench: what it is, and the ways in which it can be set up. */
export interface Client {
  /** The argument of `npm run clients --`. */
  readonly name: string;
  /**
   * The Debian packages that it needs, each with a program (name or path) that shows that it is installed. The table
   * has the version of the first one.
   */
  readonly packages: Readonly<Record<string, string>>;
  /** The columns of its table. */
  readonly ways: readonly Way[];
  /** True where only one of it can run at a time, as with a screen. */
  readonly oneAtATime?: true;
}

/** One way to set up a client, run once for each mailbox: an account for one service, or a whole account with both. */
export interface Way {
  /** The head of the column, such as `IMAP 143`. */
  readonly name: string;
  /** Whether it reads the message that is in the mailbox, and whether it sends one. */
  readonly reads: boolean;
  readonly sends: boolean;
  /**
   * True where the client does not compare the certificate with the host. It is then expected to log in where others
   * refuse.
   */
  readonly acceptsAnyCertificate?: true;
  /** True where the client does not say that a certificate is why it refuses a host. */
  readonly saysNoReason?: true;
  /**
   * True where nothing is handed out, and no autoconfig file is served: the client makes a user name of the e-mail
   * address. It is expected to log in only if the login is the address, or the part of it before the @.
   */
  readonly guesses?: true;
  /** True where the answer service is asked, in place of the file of the app. */
  readonly answered?: true;
  /** Sets the client up in the empty folder `attempt.home`, and runs it. Ends all that it started. */
  readonly run: (attempt: Attempt) => Promise<Outcome>;
}

/** What a client gets for one run: what the app hands out for a mailbox, and what its user knows. */
export interface Attempt {
  /** `settings.json`. In the runs with a wrong user name its `login` is the e-mail address. */
  readonly settings: Settings;
  /** `autoconfig.xml` and `settings.txt`, with the same user name. */
  readonly autoconfig: string;
  readonly text: string;
  readonly password: string;
  /** A message is in the mailbox. This word is in its subject and its body. */
  readonly waiting: string;
  /** The message to send: this word as subject and in the body. The recipient is another mailbox of the bench. */
  readonly recipient: string;
  readonly sending: string;
  /** An empty folder: HOME of what the client starts. */
  readonly home: string;
}

/** What came out, for the bench to judge: it also reads the logs of the servers, and looks for the message that was sent. */
export interface Outcome {
  /** What the client has received: the text of messages. The bench looks for `waiting` in it. */
  readonly received: string;
  /** What the client said, for the report of a wrong cell and the list of words for a wrong user name. */
  readonly said: string;
}
