# A stand-in for what the module uses of Webmin's library and of Virtualmin's, and no more of it. Who is
# logged in, and which domains there are, is in a file that a test names.
package WebminCore;
use strict;
use warnings;
use JSON::PP ();
use Exporter 'import';

our @EXPORT = qw(
    init_config foreign_require get_webprefix module_root_directory html_escape urlize un_urlize
    ui_print_header ui_print_footer ui_table_row ui_yesno_radio webmin_log text
    get_module_acl save_module_acl get_module_info reload_miniserv has_command
    lock_file unlock_file read_file write_file unlink_file
);

sub init_config {
    no strict 'refs';
    my $package = caller();
    my $config  = $ENV{'WEBMIN_CONFIG'} // '/nonexistent';
    ${"${package}::module_name"}             = 'virtualmin-mail-setup';
    ${"${package}::remote_user"}             = $ENV{'TEST_USER'};
    ${"${package}::current_lang"}            = $ENV{'TEST_LANGUAGE'} // 'en';
    ${"${package}::config_directory"}        = $config;
    ${"${package}::module_config_directory"} = "$config/virtualmin-mail-setup";
    %{"${package}::config"} = ('socket' => $ENV{'TEST_SOCKET'});
    open(my $file, '<', $ENV{'TEST_LANG'}) or die "$ENV{'TEST_LANG'}: $!";
    our %text = ('index' => 'Webmin index', map { /^([^=]+)=(.*)$/ ? ($1, $2) : () } <$file>);
    *{"${package}::text"} = \%text;
}

sub text {
    my ($key, @values) = @_;
    our %text;
    my $text = $text{$key} // die "no text for $key";
    $text =~ s/\$(\d)/$values[$1 - 1]/g;
    return $text;
}

sub foreign_require { }

sub get_webprefix { return $ENV{'TEST_WEBPREFIX'} // '' }

sub module_root_directory { return "/usr/share/webmin/$_[0]" }

sub html_escape {
    my ($text) = @_;
    my %names = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;');
    $text =~ s/([&<>"])/$names{$1}/g;
    return $text;
}

sub urlize {
    my ($text) = @_;
    $text =~ s/([^A-Za-z0-9])/sprintf('%%%02X', ord($1))/ge;
    return $text;
}

sub un_urlize {
    my ($text) = @_;
    $text =~ s/%([0-9a-fA-F]{2})/chr(hex($1))/ge;
    return $text;
}

sub ui_print_header { print "Content-type: text/html; charset=UTF-8\r\n\r\n<panel title=\"$_[1]\">\n" }

sub ui_print_footer { print "</panel>\n" }

# Kept in a file, a JSON object a line.
sub webmin_log {
    my ($action, $type, $object, $params) = @_;
    open(my $file, '>>', $ENV{'TEST_ACTIONS'}) or die "$ENV{'TEST_ACTIONS'}: $!";
    print {$file} JSON::PP->new->canonical->encode([ $action, $type, $object, $params ]), "\n";
    close($file);
}

sub ui_table_row { return "<tr><td>$_[0]</td><td>$_[1]</td></tr>\n" }

sub ui_yesno_radio { return "<input name=$_[0] value=$_[1]>" }

# What each user may do is in a file of the test's own, or everything.
sub get_module_acl {
    my ($user, $module) = @_;
    our %saved;
    return %{ $saved{ ($user // '') . '/' . ($module // '') } || {} } if defined($module) && $module eq '';
    my $may = $ENV{'TEST_MAY'} // 'see print check';
    return ('noconfig' => 1, map { $_ => ($may =~ /\b$_\b/ ? 1 : 0) } qw(see print check));
}

sub save_module_acl { my ($acl, $user, $module) = @_; our %saved; $saved{"$user/$module"} = $acl }

our $version = '8.1.0';

sub get_module_info { return ('version' => $version) }

our $reloads = 0;

sub reload_miniserv { $reloads++ }

sub has_command { my ($name) = @_; return (grep { -x } map { "$_/$name" } split(/:/, $ENV{'PATH'}))[0] }

our %locked;

sub lock_file { $locked{ $_[0] } = 1 }

sub unlock_file { delete($locked{ $_[0] }) }

sub read_file {
    my ($path, $values) = @_;
    open(my $file, '<', $path) or return 0;
    /^([^=]+)=(.*)$/ and $values->{$1} = $2 for <$file>;
    return 1;
}

sub write_file {
    my ($path, $values) = @_;
    die "$path is not locked" if !$locked{$path};
    open(my $file, '>', $path) or die "$path: $!";
    print {$file} "$_=$values->{$_}\n" for sort keys %$values;
}

sub unlink_file { system('rm', '-r', $_[0]) == 0 or die "$_[0] stays" }

package acl;

# Webmin's own users.
our @users;

sub list_users { return map { { %$_ } } @users }

sub create_user { push(@users, { %{ $_[0] } }) }

sub modify_user { my ($name, $user) = @_; $_ = ($_->{'name'} eq $name ? { %$user } : $_) for @users }

sub delete_user { my ($name) = @_; @users = grep { $_->{'name'} ne $name } @users }

sub encrypt_password { return crypt($_[0], '$6$somesalt') }

package virtual_server;

our $granted = 0;

sub set_all_null_print { }

sub modify_all_webmin { $granted++ }

sub run_post_actions { }

my $viewer = { 'role' => 'master' };
if (defined($ENV{'TEST_ACCESS'})) {
    open(my $file, '<', $ENV{'TEST_ACCESS'}) or die "$ENV{'TEST_ACCESS'}: $!";
    $viewer = JSON::PP::decode_json(do { local $/; <$file> });
}

sub master_admin { return $viewer->{'role'} eq 'master' }

sub reseller_admin { return $viewer->{'role'} eq 'reseller' }

sub extra_admin { return $viewer->{'role'} eq 'extra' }

sub list_domains { return map { { 'dom' => $_ } } @{ $viewer->{'all'} || [] } }

sub can_edit_domain { my ($d) = @_; return grep { $_ eq $d->{'dom'} } @{ $viewer->{'domains'} || [] } }

sub can_edit_users { my ($d) = @_; return !grep { $_ eq $d->{'dom'} } @{ $viewer->{'no_users'} || [] } }

1;
