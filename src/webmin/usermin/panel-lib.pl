# What the bridge needs of the panel that it runs in: Usermin, where the module is a copy that usermin-lib.pl makes. The only
# thing that says whose mailbox a page shows is the name with which Usermin has let the user in.
use strict;
use warnings;
use File::Basename qw(dirname);

require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');
require(dirname(__FILE__) . '/facts-lib.pl');

our (%text, %config, $module_name, $module_config_directory, $remote_user, $current_lang);

# The folder of Webmin's configuration.
my $webmin = read_first_line("$module_config_directory/webmin") // '';

# The folder of the module in Webmin.
my $webmin_module = ({ read_values("$webmin/miniserv.conf") }->{'root'} // '') . '/virtualmin-mail-setup';

# Usermin has no configuration of this module.
%config = module_settings($webmin, $webmin_module);

# facts() Returns Webmin's configuration for the app: the same as the module in Webmin sends.
sub facts { return panel_facts($webmin, $webmin_module) }

# viewer() Returns the viewer in the form that the app reads: a hash reference. The token fits no form: there is none in Usermin.
sub viewer {
    my $module = module_address();
    return {
        'user'     => $remote_user // '',
        'role'     => 'mailbox-owner',
        'domains'  => [ domain_of($remote_user // '') ],
        'may'      => [qw(see print)],
        'pages'    => "$module/index.cgi",
        'assets'   => "$module/assets",
        'token'    => random_hex(32),
        'language' => $current_lang // '',
    };
}

# domain_of(login) Returns the name of the domain to which a Unix user belongs by group and home folder, as in Virtualmin's
# get_user_domain() and list_domain_users(); nothing if there is none. The app shows a mailbox only if that domain has one
# with this login.
sub domain_of {
    my ($login) = @_;
    my @user = getpwnam($login) or return;
    my ($gid, $home) = @user[3, 7];
    # The home folder of a user who is limited to a folder by chroot.
    $home =~ s{^.*/\./}{/};
    my @domains = grep { !$_->{'alias'} } domains_with_gid($gid);
    my @around = grep { $_->{'home'} && index("$home/", "$_->{'home'}/") == 0 } @domains;
    # The home folder of a sub-server is below that of its parent.
    my ($domain) = sort { length($b->{'home'}) <=> length($a->{'home'}) } @around;
    ($domain) = grep { !$_->{'parent'} } @domains if !$domain;
    return $domain ? $domain->{'dom'} : ();
}

# domains_with_gid(gid) Returns the domains of a Unix group, hash references, from the file in which Virtualmin finds domains
# by it (get_domain_by_maps).
sub domains_with_gid {
    my ($gid) = @_;
    my $folder = "$webmin/virtual-server";
    my %ids = read_values("$folder/map.gid");
    return grep { $_->{'dom'} } map { +{ read_values("$folder/domains/$_") } } grep { /^\d+$/ } split(' ', $ids{$gid} // '');
}

# header_options(help) Returns the arguments of ui_print_header() after the image: the name of a help page, no link to a
# configuration, and none to the module's first page.
sub header_options {
    my ($help) = @_;
    return (($help // '') eq 'mailbox' ? 'own_mailbox' : undef, 0, 1);
}

# return_links(path) Returns the links at the foot of a page, each an address and the text after "Return to".
sub return_links {
    my ($path) = @_;
    return ($path =~ m{^/(?:\?|$)} ? () : ("/$module_name/", $text{'index_title'}), '/', $text{'index'});
}

# remedy() Returns what to do if the app does not run: the key of a text.
sub remedy { return ('bridge_tell') }

1;
