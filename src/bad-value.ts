/** A value of a setting that cannot be taken. The message goes on after the setting's name: "must be …". */
export class BadValue extends Error {
  override readonly name = 'BadValue';
}
