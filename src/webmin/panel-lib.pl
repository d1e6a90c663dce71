# What the bridge needs of the panel that it runs in: Webmin. usermin/panel-lib.pl is its counterpart in Usermin.
use strict;
use warnings;
use File::Basename qw(dirname);

require(dirname(__FILE__) . '/viewer-lib.pl');
require(dirname(__FILE__) . '/facts-lib.pl');

our (%text, $module_name, $module_config_directory, $config_directory);

# facts() Returns the panel's configuration for the app.
sub facts { return panel_facts($config_directory, dirname(__FILE__)) }

# header_options(help) Returns the arguments of ui_print_header() after the image: the name of a help page, or undef if the
# module does not have it, a link to the module's configuration, and none to its first page.
sub header_options {
    my ($help) = @_;
    my $known = ($help // '') =~ /\A[a-z_]+\z/ && -r dirname(__FILE__) . "/help/$help.html";
    return ($known ? $help : undef, 1, 1);
}

# return_links(path) Returns the links at the foot of a page, each an address and the text after "Return to": from the page of a
# mailbox to its domain's mailboxes, and from there to Virtualmin's table of the domain's users.
sub return_links {
    my ($path) = @_;
    my $index = "/$module_name/index.cgi";
    my ($domain, $further) = $path =~ m{^/domains/([^/?]+)(/?)};
    return ('/', $text{'index'}) if !defined($domain);
    return ("$index/domains/$domain", $text{'return_mailboxes'}, $index, $text{'return_domains'}) if $further;
    my ($id) = domain_id(un_urlize($domain));
    return (defined($id) ? ("/virtual-server/list_users.cgi?dom=$id", $text{'return_users'}) : (), $index, $text{'return_domains'});
}

# domain_id(name) Returns the id of a domain, from the file in which Virtualmin finds domains by their name
# (get_domain_by_maps), whose library takes longer to load; nothing if it is not there.
sub domain_id {
    my ($name) = @_;
    my %ids;
    read_file("$config_directory/virtual-server/map.dom", \%ids) or return;
    return ($ids{$name} // '') =~ /^(\d+)$/ ? $1 : ();
}

# print_setup_report() Prints which parts of the set-up failed, and the command that repairs them; nothing if none did.
sub print_setup_report {
    my $path = "$module_config_directory/setup-report";
    return if !-s $path;
    open(my $file, '<', $path) or return;
    print '<p><b>', html_escape($text{'setup_incomplete'}), "</b></p>\n<ul>\n";
    print '<li>', html_escape($_), "</li>\n" for map { s/\s+$//r } <$file>;
    print "</ul>\n<pre>virtualmin repair-mail-setup</pre>\n";
}

# remedy() Returns what gets the app running on this system: the key of a text, and a command.
sub remedy {
    my $problem = node_problem();
    return ($problem, node_command()) if $problem;
    return ('bridge_systemd', 'virtualmin repair-mail-setup; journalctl -u virtualmin-mail-setup -n 20')
        if -d '/run/systemd/system';
    my $server = module_root_directory($module_name) . '/app/server.mjs';
    return ('bridge_by_hand', 'SOCKET_PATH=' . socket_path() . " node $server");
}

1;
