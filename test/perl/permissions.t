#!/usr/bin/perl
# Roles and permissions are those of test/fixtures/permissions.json, with which the app's tests compare src/domain/viewer.ts.
package virtualmin_mail_setup;
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use MIME::Base64 qw(decode_base64);
use Test::More;
use TestPanel;

my $root    = "$FindBin::Bin/../..";
my $fixture = decode_json(content("$root/test/fixtures/permissions.json"));
my $folder  = make_panel();
my $etc     = $ENV{'WEBMIN_CONFIG'};
add_domains();
add_user('limited', 'virtual-server virtualmin-mail-setup', 'noconfig' => 1, 'domains' => '5', 'edit_users' => 1);
put("$etc/virtualmin-mail-setup/limited.acl", "noconfig=1\nsee=1\nprint=0\ncheck=0\n");
add_user('outsider', 'virtualmin-mail-setup');
require "$root/src/webmin/bridge-lib.pl";
require "$root/src/webmin/acl_security.pl";

our (@roles, @permissions, %text);

# sent_viewer(user) Returns the viewer that the bridge sends for a user, from the header.
sub sent_viewer {
    my ($user) = @_;
    local $ENV{'REMOTE_USER'} = $user;
    my $header = qx($^X -I$FindBin::Bin/lib -e 'require "$root/src/webmin/bridge-lib.pl"; print header_value(viewer())');
    return decode_json(decode_base64($header));
}

is_deeply([ sort map { $_->[0] } @roles ], [ sort @{ $fixture->{'roles'} } ], 'the roles');
is_deeply([ sort @permissions ], [ sort @{ $fixture->{'permissions'} } ], 'the permissions');
is_deeply({ content("$root/src/webmin/defaultacl") =~ /^(\w+)=(.*)$/gm }, $fixture->{'defaultacl'}, 'the defaults');
is_deeply([ sort @{ root_viewer()->{'may'} } ], [ sort @{ $fixture->{'permissions'} } ], 'a command may do everything');

my $form = '';
{
    open(my $out, '>', \$form) or die $!;
    local *STDOUT = $out;
    acl_security_form($fixture->{'defaultacl'});
}
is_deeply([ sort $form =~ /<input name=(\w+) /g ], [ sort @{ $fixture->{'permissions'} } ], 'the form of the access control');
is_deeply([ sort grep { /^acl_/ } keys %text ], [ sort map { "acl_$_" } @{ $fixture->{'permissions'} } ], 'and its texts');

for my $expected (@{ $fixture->{'viewers'} }) {
    my $sent = sent_viewer($expected->{'user'});
    my %viewer = map { $_ => $sent->{$_} } keys %$expected;
    $viewer{'domains'} = [ sort @{ $viewer{'domains'} } ] if ref($viewer{'domains'});
    is_deeply(\%viewer, $expected, "the viewer $expected->{'user'}");
}
is_deeply([ sort keys %{ { map { $_->{'role'} => 1 } @{ $fixture->{'viewers'} } } } ], [ sort @{ $fixture->{'roles'} } ], 'each role has a viewer');

subtest 'in Usermin' => sub {
    my $usermin = make_usermin($folder);
    map_domains();
    require "$root/src/webmin/usermin-lib.pl";
    set_up_usermin();
    local @ENV{qw(WEBMIN_CONFIG BASE_REMOTE_USER)} = ("$usermin/etc", 'user');
    for my $expected (@{ $fixture->{'userminViewers'} }) {
        local $ENV{'REMOTE_USER'} = $expected->{'user'};
        my $bridge = "$usermin/root/virtualmin-mail-setup/bridge-lib.pl";
        my $header = qx($^X -I$FindBin::Bin/lib -MTestUsers -e 'require "$bridge"; print header_value(viewer())');
        my $sent   = decode_json(decode_base64($header));
        is_deeply({ map { $_ => $sent->{$_} } keys %$expected }, $expected, "the viewer $expected->{'user'}");
        like($sent->{'token'}, qr/^[0-9a-f]{64}$/, 'has a token that cannot be guessed');
    }
};

done_testing();
