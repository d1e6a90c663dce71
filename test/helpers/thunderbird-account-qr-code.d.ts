declare module 'thunderbird-account-qr-code' {
  export const INCOMING_PROTOCOL: { readonly IMAP: number; readonly POP3: number };
  export const CONNECTION_SECURITY: { readonly AlwaysStartTls: number; readonly Tls: number };
  export const AUTHENTICATION_TYPE: { readonly PasswordCleartext: number };
  export function encodeAccounts(
    accounts: readonly Readonly<Record<string, string | number>>[],
  ): string;
}
