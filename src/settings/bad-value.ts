import { said, type Said } from '../texts/message';

/** A value of a setting that cannot be taken. What is said goes on after the setting's name: "must be …". */
export class BadValue extends Error {
  override readonly name = 'BadValue';
  readonly problem: Said;

  constructor(key: string, values: Said['values'] = {}) {
    super(key);
    this.problem = said(key, values);
  }
}
