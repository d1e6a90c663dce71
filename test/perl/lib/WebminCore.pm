# A stand-in for what the module uses of Webmin's library and of Virtualmin's, and no more of it. Who is
# logged in, and which domains there are, is in a file that a test names.
package WebminCore;
use strict;
use warnings;
use JSON::PP ();
use Exporter 'import';

our @EXPORT = qw(
    init_config foreign_require get_webprefix module_root_directory html_escape urlize un_urlize
    ui_print_header ui_print_footer webmin_log
);

sub init_config {
    no strict 'refs';
    ${'main::module_name'} = 'virtualmin-mail-setup';
    ${'main::remote_user'} = $ENV{'TEST_USER'};
    %{'main::config'} = ('socket' => $ENV{'TEST_SOCKET'});
    open(my $file, '<', $ENV{'TEST_LANG'}) or die "$ENV{'TEST_LANG'}: $!";
    %{'main::text'} = ('index' => 'Webmin index', map { /^([^=]+)=(.*)$/ ? ($1, $2) : () } <$file>);
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

package virtual_server;

open(my $file, '<', $ENV{'TEST_ACCESS'}) or die "$ENV{'TEST_ACCESS'}: $!";
my $viewer = JSON::PP::decode_json(do { local $/; <$file> });

sub master_admin { return $viewer->{'role'} eq 'master' }

sub reseller_admin { return $viewer->{'role'} eq 'reseller' }

sub extra_admin { return $viewer->{'role'} eq 'extra' }

sub list_domains { return map { { 'dom' => $_ } } @{ $viewer->{'all'} || [] } }

sub can_edit_domain { my ($d) = @_; return grep { $_ eq $d->{'dom'} } @{ $viewer->{'domains'} || [] } }

sub can_edit_users { my ($d) = @_; return !grep { $_ eq $d->{'dom'} } @{ $viewer->{'no_users'} || [] } }

1;
