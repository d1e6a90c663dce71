/** What a message to the viewer says: something to know, a risk, a failure, a success. */
export type NoticeKind = 'info' | 'warning' | 'error' | 'success';

/** The CSS classes of the parts that look like the panel's own where the pages are shown in it. */
export interface Look {
  readonly table: string;
  readonly button: string;
  notice(kind: NoticeKind): string;
}

const standaloneNotice = (kind: NoticeKind) => `mcs-notice mcs-${kind}`;

export const standaloneLook: Look = {
  table: 'mcs-table',
  button: 'mcs-button',
  notice: standaloneNotice,
};

/** Bootstrap's names, which Authentic uses, for the kinds of messages. */
const alerts = { info: 'info', warning: 'warning', error: 'danger', success: 'success' } as const;

/** With the classes that Authentic and the gray theme give to Virtualmin's own tables, buttons and messages. */
export const panelLook: Look = {
  table: `mcs-table ui_columns table table-striped table-hover table-condensed`,
  button: `mcs-button btn btn-default`,
  notice: (kind) => `${standaloneNotice(kind)} alert alert-${alerts[kind]}`,
};
