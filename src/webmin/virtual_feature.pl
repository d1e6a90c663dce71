# The functions that Virtualmin calls in a plugin. There is no feature to enable for a domain: every domain with mail has the
# link, and everybody who manages it can follow it.
use strict;
use warnings;
use File::Basename qw(dirname);
require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');
require(dirname(__FILE__) . '/users-page-lib.pl');
require(dirname(__FILE__) . '/snapshot-lib.pl');

our (%text, $module_name, @permissions);

# feature_name() Returns the plugin's name for Virtualmin's lists.
sub feature_name {
    return $text{'index_title'};
}

# feature_always_links(&domain) Returns the links for the menu of a domain: one if it has mail.
sub feature_always_links {
    my ($d) = @_;
    return () if !has_mailboxes($d);
    return ({
        'mod'  => $module_name,
        'desc' => $text{'index_title'},
        'page' => domain_path($d),
        'cat'  => 'mail',
    });
}

# feature_modules() Returns the modules that an administrator can allow to domain owners or refuse, in a template and, in
# Virtualmin 8.2 (in development), for a domain. Virtualmin gives an owner no other module.
sub feature_modules {
    return ([ $module_name, $text{'index_title'} ]);
}

# feature_webmin(&domain, &all-domains) Returns the modules for the owner of a domain, with their access control: this module
# if one of the owner's domains has mail. Virtualmin overwrites the whole access control with it, so it includes the
# permissions that a master admin has set for the owner. Virtualmin also calls this for the owner's extra admins, without
# saying for whom: they get the owner's permissions.
sub feature_webmin {
    my ($d, $all) = @_;
    return () if !grep { $_->{'mail'} } @$all;
    # Up to 8.1 set_user_modules() drops a template's refusal, and then treats the module as one that it does not mention.
    return () if !defined(&virtual_server::get_domain_webmin_avail) && !template_allows($d);
    my %access = get_module_acl($d->{'user'}, $module_name);
    return ([ $module_name, { 'noconfig' => 1, map { $_ => $access{$_} // 1 } @permissions } ]);
}

# mailbox_header(&domain) Returns the title of our column in Virtualmin's table of users; undef if the domain has no mail or
# the viewer does not have the module. It also begins the links below the table: Virtualmin has no function for them.
sub mailbox_header {
    my ($d) = @_;
    return if !has_setup($d);
    begin_links_below_table($d);
    return $text{'column_title'};
}

# mailbox_column(&user, &domain) Returns the HTML of our column for one user: a link, without a request to the app.
sub mailbox_column {
    my ($user, $d) = @_;
    return '' if !$user->{'email'};
    add_row_to_links($user, $d);
    return html_link(mailbox_page($user, $d), $text{'column_link'});
}

# mailbox_inputs(&user, new, &domain) Returns a row for the form of a user: a link, no input. Virtualmin shows the column only
# if this function exists.
sub mailbox_inputs {
    my ($user, $new, $d) = @_;
    return '' if $new || !$user->{'email'} || !has_setup($d);
    return form_row($user, $d);
}

# mailbox_save(&user, &old, &in, new, &domain) Takes note that a user has been saved in the form. Returns false: the plugin has
# nothing for Virtualmin's mail about the user.
sub mailbox_save {
    note_change(snapshot_folder());
    return 0;
}

# mailbox_modify(&user, &old, &domain) Takes note that a user has been changed otherwise.
sub mailbox_modify {
    note_change(snapshot_folder());
    return;
}

# mailbox_delete(&user, &domain) Takes note that a user has been deleted.
sub mailbox_delete {
    note_change(snapshot_folder());
    return;
}

1;
