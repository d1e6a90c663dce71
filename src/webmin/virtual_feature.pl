# What Virtualmin asks of its plugins. There is no feature to switch on: every domain with mail has the
# link, and every user of such a domain may follow it.
use strict;
use warnings;
use File::Basename qw(dirname);
require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');

our (%text, $module_name, @permissions);

# feature_name() Returns the plugin's name in Virtualmin's list.
sub feature_name {
    return $text{'index_title'};
}

# feature_always_links(&domain) Returns the links in the menu of a domain: one, where it has mail.
sub feature_always_links {
    my ($d) = @_;
    return () if !$d->{'mail'} || $d->{'alias'};
    return ({
        'mod'  => $module_name,
        'desc' => $text{'index_title'},
        'page' => 'index.cgi/domains/' . urlize($d->{'dom'}),
        'cat'  => 'server',
    });
}

# feature_modules() Returns the modules that an administrator can let domain owners have or not, in templates and, on the
# way to Virtualmin 8.2, for a domain. One that is not among these no owner can have there.
sub feature_modules {
    return ([ $module_name, $text{'index_title'} ]);
}

# feature_webmin(&domain, &all-domains) Lets the owners of domains with mail use this module. Virtualmin writes the whole
# access control with it, so what a master admin has set for this owner is said again. It asks the same for the owner's
# extra admins, and not for whom: they may do what the owner may.
sub feature_webmin {
    my ($d, $all) = @_;
    return () if !grep { $_->{'mail'} } @$all;
    # Up to 8.1 set_user_modules() loses a template's no: it keeps only what is allowed, and takes the rest for not said.
    return () if !defined(&virtual_server::get_domain_webmin_avail) && !template_allows($d);
    my %access = get_module_acl($d->{'user'}, $module_name);
    return ([ $module_name, { 'noconfig' => 1, map { $_ => $access{$_} // 1 } @permissions } ]);
}

# mailbox_header(&domain) Returns the title of our column in the table of users, where there is mail and the viewer has
# the module.
sub mailbox_header {
    my ($d) = @_;
    return $d->{'mail'} && foreign_available($module_name) ? $text{'column_title'} : undef;
}

# mailbox_column(&user, &domain) Returns the HTML of our column for one user: a link, without asking the app anything.
sub mailbox_column {
    my ($user, $d) = @_;
    return '' if !$user->{'email'};
    my $page = get_webprefix_of_module() . '/index.cgi/domains/' . urlize($d->{'dom'})
        . '/mailboxes/' . urlize($user->{'user'});
    return "<a href='" . html_escape($page) . "'>" . html_escape($text{'column_link'}) . '</a>';
}

# mailbox_inputs(&user, new, &domain) There is nothing to fill in; Virtualmin has a column only where this is.
sub mailbox_inputs {
    return '';
}

1;
