import { message, type Message } from '../texts/message';

/** A value of a setting that cannot be taken. What is said goes on after the setting's name: "must be …". */
export class BadValue extends Error {
  override readonly name = 'BadValue';
  readonly problem: Message;

  constructor(key: string, values: Message['values'] = {}) {
    super(key);
    this.problem = message(key, values);
  }
}
