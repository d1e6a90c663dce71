#!/usr/bin/perl
# The functions that Virtualmin calls in the plugin.
package virtualmin_mail_setup;
use strict;
use warnings;
use File::Path qw(make_path);
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use TestPanel;

# Seconds that the clock is ahead for the module.
our $ahead = 0;
BEGIN { *CORE::GLOBAL::time = sub { return CORE::time() + ($ahead // 0) } }

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

my $folder_of_link = '/virtualmin-mail-setup/index.cgi/domains/xn%2D%2Dmnchen%2D3ya%2Eexample';
my $beside = "Display settings that should be used by users' email clients for this domain.";
my $to_domain = "With the user name of each mailbox: <a href='$folder_of_link'>Mail Client Setup</a>";

# users_page(&domain, users) Returns what Virtualmin's page of users shows of the module.
sub users_page { my (@arguments) = @_; return virtual_server::_users_page(@arguments) }

# as_user(name, modules, code) Runs code as another user, who has Virtualmin and these modules besides.
sub as_user {
    my ($name, $modules, $code) = @_;
    local $ENV{'REMOTE_USER'} = $name;
    TestPanel::add_user($name, "virtual-server $modules", 'noconfig' => 1);
    %main::acl_hash_cache = ();
    $code->();
    %main::acl_hash_cache = ();
}

for my $case ([ 'a domain without mail', $plain ], [ 'an alias', $alias ]) {
    my ($what, $d) = @$case;
    is_deeply([ users_page($d, { 'user' => 'a', 'email' => 'a@b.example' }) ], [ undef, [], $beside ], "$what has no column and no link on the page of users");
    is(virtual_server::_user_form({ 'user' => 'a', 'email' => 'a@b.example' }, 0, $d), '', 'and no link in the form of a user');
}
for my $case ([ 'without the module', 'helper', '' ], [ 'who may not see the settings', 'blind', 'virtualmin-mail-setup' ]) {
    my ($what, $name, $modules) = @$case;
    put("$folder/etc/virtualmin-mail-setup/blind.acl", "see=0\n");
    as_user($name, $modules, sub {
        is_deeply([ users_page($mail, { 'user' => 'a', 'email' => 'a@b.example' }) ], [ undef, [], $beside ], "nor for a viewer $what");
        is(virtual_server::_user_form({ 'user' => 'a', 'email' => 'a@b.example' }, 0, $mail), '', 'in the form neither');
    });
}

my @users = map { { 'user' => $_, 'email' => "$_\@b.example", 'home' => "$folder/home/homes/$_" } } 'a%b', q{'><script>}, 'old', 'unknown';
my $ftp = { 'user' => 'ftp', 'home' => "$folder/home/homes/ftp" };
my ($title, $cells, $text_beside) = users_page($mail, @users, $ftp);
is($title, 'Client setup', 'the table of users has our column');
is($cells->[0], "<a href='$folder_of_link/mailboxes/a%25b'>Settings</a>", 'its link leads to the mailbox, with the user name encoded');
is($cells->[1], "<a href='$folder_of_link/mailboxes/%27%3E%3Cscript%3E'>Settings</a>", 'a user name with markup is encoded, too');
is($cells->[4], '', 'a user without an address has no link');
is($text_beside, "<span>$beside<br>$to_domain</span>", 'beside the button is a link to the domain, in one element');

is(virtual_server::_user_form($users[0], 1, $mail), '', 'the form of a new user has no link');
is(virtual_server::_user_form($ftp, 0, $mail), '', 'nor that of a user without an address');
my $row = virtual_server::_user_form($users[1], 0, $mail);
like($row, qr{^<tr><td>Mail Client Setup</td><td>.*<a href='\Q$folder_of_link\E/mailboxes/%27%3E%3Cscript%3E'>User name, settings and setup sheet of this mailbox</a>}s,
    'that of a mailbox has one');
like($row, qr{<script>\n.*document\.querySelector\('\.mcs-mailbox-link'\)}s, 'and a script that opens the section with the link');

# New mailboxes: those whose home folder was created in the last 24 hours. A program stat in the path prints the times.
my %home = ('home' => "$folder/home");
make_path("$folder/programs", map { $_->{'home'} } @users, $ftp);
my $recent = CORE::time() - 23 * 3600;
my $old = CORE::time() - 25 * 3600;
put("$folder/programs/stat", <<"STAT");
#!/bin/sh
echo called >>$folder/stat-calls
shift
for home; do
    case \$home in */old|*/changed*) time=$old;; */unknown) time=0;; *) time=$recent;; esac
    printf '%s %s\\0' \$time "\$home"
done
STAT
chmod(0755, "$folder/programs/stat");
{
    local $ENV{'PATH'} = "$folder/programs:$ENV{'PATH'}";
    my $sheets = "$folder_of_link/sheets?login";
    (undef, undef, $text_beside) = users_page({ %$mail, %home }, @users, $ftp);
    is($text_beside, "<span>$beside<br>$to_domain<br><a href='$sheets=a%25b&amp;login=%27%3E%3Cscript%3E'>"
        . 'Setup sheets of the 2 mailboxes above created in the last 24 hours</a></span>', 'a link to the sheets of the new mailboxes');
    (undef, undef, $text_beside) = users_page({ %$mail, %home }, @users[1 .. 3]);
    is($text_beside, "<span>$beside<br>$to_domain<br><a href='$sheets=%27%3E%3Cscript%3E'>"
        . 'Setup sheet of the mailbox above created in the last 24 hours</a></span>', 'of one: only those in the table');
    (undef, undef, $text_beside) = users_page({ %$mail, %home }, @users[2, 3]);
    is($text_beside, "<span>$beside<br>$to_domain</span>", 'not of older ones, nor where the time is not known');

    put("$folder/etc/virtualmin-mail-setup/reader.acl", "print=0\n");
    as_user('reader', 'virtualmin-mail-setup', sub {
        (undef, undef, $text_beside) = users_page({ %$mail, %home }, @users);
        is($text_beside, "<span>$beside<br>$to_domain</span>", 'not for a viewer who may not print');
    });

    put("$folder/stat-calls", '');
    $ahead = 25 * 3600;
    (undef, undef, $text_beside) = users_page({ %$mail, %home }, @users);
    is($text_beside, "<span>$beside<br>$to_domain</span>", 'a day later they are not new');
    $ahead = 0;
    is(content("$folder/stat-calls"), '', 'and the program stat does not run');
    make_path(map { "$folder/home/homes/changed$_" } 1 .. 200);
    (undef, undef, $text_beside) = users_page({ %$mail, %home }, @users);
    like($text_beside, qr/the 2 mailboxes above/, 'older ones whose folder was changed do not hide the link');
    make_path(map { "$folder/home/homes/many$_" } 1 .. 100);
    (undef, undef, $text_beside) = users_page({ %$mail, %home }, @users);
    is($text_beside, "<span>$beside<br>$to_domain</span>", 'there is no link for more than a hundred');
}

{
    no warnings qw(redefine once);
    local *snapshot_folder = sub { return "$folder/snapshot" };
    is(mailbox_save($mail, $mail, {}, 0, $mail), 0, 'a saved user: Virtualmin has nothing to say of it in its mail');
    ok(!-e "$folder/snapshot", 'no change is noted while the answer service is off');
    make_path("$folder/snapshot");
    for my $called (\&mailbox_save, \&mailbox_modify, \&mailbox_delete) {
        $called->();
        ok(unlink("$folder/snapshot/changed"), 'the change of a mailbox is noted');
    }
}

SKIP: {
    my $new = "$folder/other/homes/new\nline";
    make_path($new);
    skip('this file system does not know when a folder was created', 1) if `stat -c %W '$new'` !~ /^[1-9]/;
    (undef, undef, $text_beside) = users_page({ %$mail, 'home' => "$folder/other" }, { 'user' => 'new', 'email' => 'new@b.example', 'home' => $new });
    like($text_beside, qr/sheets\?login=new'>Setup sheet of the mailbox above/, 'with the real program, and a line feed in a name');
}

done_testing();
