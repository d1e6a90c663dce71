#!/usr/bin/perl
# The functions that Virtualmin calls in the plugin.
package virtualmin_mail_setup;
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use TestPanel;

my $folder = make_panel();
require WebminCore;
WebminCore::foreign_require('virtual-server', 'virtual-server-lib.pl');
# As Virtualmin loads it.
WebminCore::foreign_require('virtualmin-mail-setup', 'virtual_feature.pl');

my $mail  = { 'dom' => 'xn--mnchen-3ya.example', 'mail' => 1, 'template' => 0 };
my $plain = { 'dom' => 'nomail.example', 'mail' => 0, 'template' => 0 };
my $alias = { 'dom' => 'alias.example', 'mail' => 1, 'alias' => '123' };

is(feature_name(), 'Mail Client Setup', 'the name of the plugin');
is_deeply([ feature_modules() ], [ [ 'virtualmin-mail-setup', 'Mail Client Setup' ] ], 'the module that domain owners can get');

my ($link, @more) = feature_always_links($mail);
is($link->{'page'}, 'index.cgi/domains/xn%2D%2Dmnchen%2D3ya%2Eexample', 'a domain with mail has a link');
is($link->{'mod'}, 'virtualmin-mail-setup', 'to this module');
is($link->{'cat'}, 'mail', 'under Mail Options');
is(scalar(@more), 0, 'only one link');
is_deeply([ feature_always_links($plain) ], [], 'a domain without mail has no link');
is_deeply([ feature_always_links($alias) ], [], 'an alias has no link');

is_deeply([ feature_webmin($mail, [ $plain, $mail ]) ], [ [ 'virtualmin-mail-setup', { 'noconfig' => 1, 'see' => 1, 'print' => 1, 'check' => 1 } ] ],
    'an owner of a domain with mail gets the module');
put("$folder/etc/virtualmin-mail-setup/owner.acl", "print=0\ncheck=0\n");
is_deeply([ feature_webmin({ %$mail, 'user' => 'owner' }, [$mail]) ],
    [ [ 'virtualmin-mail-setup', { 'noconfig' => 1, 'see' => 1, 'print' => 0, 'check' => 0 } ] ],
    'with the permissions that a master admin has set');
is_deeply([ feature_webmin($plain, [$plain]) ], [], 'the owner of a domain without mail does not');
put("$folder/etc/virtual-server/templates/77", "name=No setup\navail=mail=1 virtualmin-mail-setup=0\n");
put("$folder/etc/virtual-server/templates/78", "name=Older\navail=mail=1 dns=0\n");
{
    no warnings 'once';
    @virtual_server::list_templates_cache = ();
}
is_deeply([ feature_webmin({ %$mail, 'template' => 77 }, [$mail]) ], [], 'the owner of a domain whose template refuses it does not');
is(scalar(my @modules = feature_webmin({ %$mail, 'template' => 78 }, [$mail])), 1, 'a template that does not mention the module does not refuse it');

is(mailbox_header($mail), 'Client setup', 'the table of users has our column');
is(mailbox_header($plain), undef, 'not for a domain without mail');
{
    local $ENV{'REMOTE_USER'} = 'helper';
    TestPanel::add_user('helper', 'virtual-server', 'noconfig' => 1);
    %main::acl_hash_cache = ();
    is(mailbox_header($mail), undef, 'not for a viewer without the module');
    %main::acl_hash_cache = ();
}
is(mailbox_column({ 'user' => 'a%b', 'email' => 'a@b.example' }, $mail),
    "<a href='/virtualmin-mail-setup/index.cgi/domains/xn%2D%2Dmnchen%2D3ya%2Eexample/mailboxes/a%25b'>Settings</a>",
    'its link leads to the mailbox, with the user name encoded');
unlike(mailbox_column({ 'user' => q{'><script>}, 'email' => 'a@b.example' }, $mail), qr/'><script/, 'the user name is escaped');
is(mailbox_column({ 'user' => 'ftp' }, $mail), '', 'a user without an address has no link');
is(mailbox_inputs(), '', 'no inputs');

done_testing();
