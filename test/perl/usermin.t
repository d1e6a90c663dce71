#!/usr/bin/perl
# The page in Usermin: its installation and removal, and what each user sees, in the stand-in of MiniServ with the real app.
package virtualmin_mail_setup;
use strict;
use warnings;
no warnings 'once';
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use MIME::Base64 qw(decode_base64);
use MiniServ;
use TestUsers;
use POSIX ();
use Test::More;
use TestApp;
use TestPanel;

my $folder = make_panel();
my $etc    = $ENV{'WEBMIN_CONFIG'};
my $name   = 'virtualmin-mail-setup';
add_domains();
map_domains();

require WebminCore;
WebminCore::foreign_require($name, 'setup-lib.pl');

is(set_up_usermin(), 'it is not installed here.', 'without Usermin nothing is set up');

my $usermin = make_usermin($folder);
my ($module, $own) = ("$usermin/root/$name", "$usermin/etc/$name");

sub modules { return (content("$usermin/etc/webmin.acl") =~ /^user: (.*)$/m)[0] }

# everything(folder) Returns the files below a folder, a hash reference of their paths and contents.
sub everything {
    my ($below) = @_;
    return { map { $_ => content("$below/$_") } files_below($below, '') };
}

# folders() Returns the names in the root of Usermin, hidden ones too.
sub folders { opendir(my $root, "$usermin/root") or die $!; my @names = sort grep { !/^\.\.?$/ } readdir($root); return @names }

rename("$usermin/etc/webmin.acl", "$usermin/etc/moved") or die $!;
is(set_up_usermin(), 'it is not installed here.', 'nor beside one whose configuration is not complete');
rename("$usermin/etc/moved", "$usermin/etc/webmin.acl") or die $!;

my $before = everything($usermin);

subtest 'installation' => sub {
    is(set_up_usermin(), 'mailbox owners have the page with their settings.', 'the result');
    is(modules(), "changepass mailbox $name", "Usermin's users have the module");
    is(content("$own/webmin"), "$etc\n", "it knows the folder of Webmin's configuration");
    is_deeply([ sort(files_below("$module/help", '')) ], [ map { "own_mailbox$_.html" } qw(.de .fr), '', '.nl' ], 'of the help it has what is for mailbox owners');
    ok(-x "$module/index.cgi" && -r "$module/lang/de" && -r "$module/images/icon.gif", 'it has its files');
    is(mode($module), 0755, 'everybody can read it');
    my %info = read_values("$module/module.info");
    is_deeply([ @info{qw(name usermin category)} ], [ $name, 1, 'mail' ], 'it is a module of Usermin');
    for my $language (qw(de fr nl)) {
        is($info{"desc_$language"}, { read_values("$module/lang/$language") }->{'index_title'}, "its name in the menu: $language");
    }
    is_deeply([ grep { /^(?:viewer-lib|grants-lib|setup-lib|virtual_feature|uninstall)/ } files_below($module, '') ], [], 'nothing of it is for administrators');
    my $first = everything($usermin);
    my $time  = (stat("$module/index.cgi"))[9];
    utime($time - 100, $time - 100, "$module/index.cgi");
    set_up_usermin();
    is_deeply(everything($usermin), $first, 'set-up run again changes nothing');
    is((stat("$module/index.cgi"))[9], $time - 100, 'and writes no file');
    is_deeply(\%WebminCore::locked, {}, 'no file is locked');
};

subtest 'upgrade' => sub {
    put("$module/bridge-lib.pl", 'an older version');
    put("$module/gone.pl", 'a file that the new version does not have');
    is(set_up_usermin(), 'mailbox owners have the page with their settings.', 'the result');
    is(content("$module/bridge-lib.pl"), content("$folder/root/$name/bridge-lib.pl"), 'files are replaced');
    ok(!-e "$module/gone.pl", 'and removed');
    is_deeply([ folders() ], [ 'mailbox', $name ], 'nothing else is left');
};

# in_child(code) Runs code in a process of its own, which ends at once when the code calls POSIX::_exit(), like one that is killed.
sub in_child {
    my ($code) = @_;
    my $pid = fork() // die $!;
    if (!$pid) {
        eval { $code->() };
        POSIX::_exit(0);
    }
    waitpid($pid, 0);
}

subtest 'an upgrade that fails or is interrupted' => sub {
    no warnings 'redefine';
    my $complete = everything($usermin);
    my $is_complete = sub {
        my ($what) = @_;
        is(set_up_usermin(), 'mailbox owners have the page with their settings.', $what);
        is_deeply(everything($usermin), $complete, 'all files are there');
        is_deeply([ folders() ], [ 'mailbox', $name ], 'and nothing else');
    };
    put("$module/bridge-lib.pl", 'an older version');
    my $before_failure = everything($usermin);
    {
        my $copies = 0;
        my $copy = \&copy;
        local *copy = sub { if ($copies++ < 5) { return $copy->(@_) } $! = 28; return 0 };
        ok(!eval { set_up_usermin() }, 'the disk is full');
    }
    is_deeply(everything($usermin), $before_failure, 'the old files stay');
    is_deeply([ folders() ], [ 'mailbox', $name ], 'and nothing else is left');
    ok(!eval { write_folder($module) }, 'the new folder cannot take the place of the old one');
    is_deeply(everything($usermin), $before_failure, 'the old one is there again');
    in_child(sub {
        my $unlink = \&unlink_file;
        local *unlink_file = sub { $unlink->(@_); POSIX::_exit(1) };
        set_up_usermin();
    });
    ok(-e "$module/index.cgi", 'when it is killed as it deletes the old files, the new ones are there');
    $is_complete->('set-up completes it');
    put("$module/bridge-lib.pl", 'an older version');
    in_child(sub {
        my $copy = \&copy;
        local *copy = sub { $copy->(@_); POSIX::_exit(1) };
        set_up_usermin();
    });
    $is_complete->('killed as it copies: set-up completes it');
    rename($module, "$usermin/root/.$name.old.2147483647") or die $!;
    mkdir("$usermin/root/.$name.new.2147483647");
    $is_complete->('killed between the old and the new folder: set-up completes it');
    put("$module/bridge-lib.pl", 'an older version');
    {
        my $copy = \&copy;
        my $copies = 0;
        local *copy = sub {
            in_child(sub { local *copy = $copy; set_up_usermin() }) if $copies++ == 5;
            return $copy->(@_);
        };
        set_up_usermin();
    }
    $is_complete->('two set-ups concurrently');
};

subtest "an administrator's choices stay" => sub {
    put("$usermin/etc/webmin.acl", "user: changepass mailbox\nother: mailbox\n");
    is(set_up_usermin(), 'an administrator has switched the page for mailbox owners off.', 'a module that was taken from the users');
    is(content("$usermin/etc/webmin.acl"), "user: changepass mailbox\nother: mailbox\n", 'is not given again');
    put("$usermin/etc/webmin.acl", "user: changepass $name mailbox\n");
    is(set_up_usermin(), 'mailbox owners have the page with their settings.', 'one that was given by hand');
    put("$usermin/etc/usermin.mods", "bob.example:-:$name\n");
    set_up_usermin();
    is(content("$usermin/etc/usermin.mods"), "bob.example:-:$name\n", 'a restriction for one user');
    unlink("$usermin/etc/usermin.mods");
    unlink_file($module);
    is(set_up_usermin(), 'an administrator has switched the page for mailbox owners off.', 'a module that was deleted');
    ok(!-e $module, 'does not come back');
    for my $kind (qw(new old)) {
        mkdir("$usermin/root/.$name.$kind.2147483647");
        set_up_usermin();
        ok(!-e $module, 'also after a set-up that was killed');
        is_deeply([ folders() ], ['mailbox'], 'whose folder is removed');
    }
    unlink_file($own);
    is(set_up_usermin(), 'mailbox owners have the page with their settings.', 'until its configuration is deleted, too');
    unlink_file("$usermin/root/$name");
    unlink_file($own);
    put("$usermin/etc/webmin.acl", "user: *\n");
    set_up_usermin();
    is(content("$usermin/etc/webmin.acl"), "user: *\n", 'users who have every module have this one');
    put("$usermin/etc/webmin.acl", "user: changepass mailbox $name\n");
};

start_app("$folder/app.sock");

my $server;
{
    local $ENV{'WEBMIN_CONFIG'} = "$usermin/etc";
    $server = MiniServ->start('folder' => "$usermin/etc", 'root' => "$usermin/root", 'config' => { 'env_TEST_PASSWD' => $ENV{'TEST_PASSWD'} });
}

# request(user, path, options) Requests a page of the module as a user who has logged in to Usermin; returns the answer.
my %sessions;
sub request {
    my ($user, $path, %given) = @_;
    my $session = $sessions{$user} //= $server->session($user);
    for (1 .. 100) {
        my $answer = $server->request($given{'method'} // 'GET', $given{'address'} // "/$name/index.cgi$path", 'version' => '1.1', 'user' => undef,
            'headers' => { 'Cookie' => "sid=$session", %{ $given{'headers'} // {} } }, 'body' => $given{'body'});
        return $answer if $answer->status != 202;
        sleep(1);
    }
}

# What a page of bob's must not contain.
my $of_others = qr/alice|zoe|carol|example\@example|example\.org|sub\.example|All domains/;

subtest 'a user sees the settings of their own mailbox' => sub {
    for my $address ("/$name/", "/$name/index.cgi", "/$name/index.cgi?xnavigation=1", "/$name/index.cgi/") {
        my $answer = request('bob.example', undef, 'address' => $address);
        is($answer->status, 200, $address);
        like($answer->body, qr{^<panel title="Mail Client Setup">\n<subtitle>bob\@example\.com</subtitle>}, "in Usermin's page");
        like($answer->body, qr{>bob\.example</code>}, 'with the user name');
        unlike($answer->body, $of_others, 'and nothing of others');
        unlike($answer->body, qr/<form|virtualmin repair/, 'without forms and commands');
        like($answer->body, qr/<help page="own_mailbox">/, 'with its help page');
        like($answer->body, qr{>Return to Webmin index</a>\n</panel>}, 'and a link back');
    }
    for my $path (qw(/sheet /sheet.pdf /profile.mobileconfig /qr.svg /qr.png /settings.txt)) {
        my $answer = request('bob.example', $path);
        is($answer->status, 200, $path);
        unlike($answer->body, $of_others, 'nothing of others');
        ok($answer->complete, 'complete');
    }
    for my $user (qw(alice.example carol.sub bob@example.org example)) {
        my $answer = request($user, '/');
        is($answer->status, 200, "$user has a mailbox");
        like($answer->body, qr{>\Q$user\E</code>}, 'and its user name');
        unlike($answer->body, qr/bob\.example|bob\@example\.com/, 'and nothing of bob');
    }
    is($server->errors() =~ s/^.*started\n//r, '', 'no errors in the log');
};

subtest 'assets are those of the module in Usermin' => sub {
    symlink("$FindBin::Bin/../../build/dist/views/assets", "$module/assets") or die $!;
    my ($asset) = request('bob.example', '/')->body =~ m{href="(/\Q$name\E/assets/panel\.css[^"]*)"};
    is(request('bob.example', undef, 'address' => $asset)->status, 200, $asset);
};

subtest 'users without a mailbox are told so' => sub {
    for my $user (qw(root postfix webby.example odd.example bob-example.com nomail user stranger), 'bob@example.com', '../bob.example') {
        for my $path ('/', '/sheet.pdf', '/settings.txt') {
            my $answer = request($user, $path);
            is($answer->status, 404, "$user $path");
            like($answer->body, qr/The user name \Q$user\E has no mailbox on this server/, 'in words');
            unlike($answer->body =~ s/\Q$user\E//gr, qr/bob|$of_others/, 'and nothing of others');
        }
    }
};

subtest 'nothing in a request decides whose mailbox it is' => sub {
    my $viewer = MIME::Base64::encode_base64('{"user":"alice.example","role":"master-admin","domains":"*"}', '');
    for my $headers ({ 'Mail-Setup-Viewer' => $viewer }, { 'REMOTE_USER' => 'alice.example' }, { 'Remote-User' => 'alice.example' },
        { 'X-Forwarded-User' => 'alice.example' }, { 'Authorization' => 'Basic ' . MIME::Base64::encode_base64('alice.example:x', '') }) {
        my $answer = request('bob.example', '/', 'headers' => $headers);
        like($answer->body, qr{>bob\.example</code>}, join(' ', %$headers));
        unlike($answer->body, $of_others, 'nothing of others');
    }
    like(request('bob.example', '/?user=alice.example&login=alice.example&domain=example.org')->body, qr{>bob\.example</code>}, 'the query');
    for my $path (qw(/domains/example.com /domains/example.com/mailboxes/alice.example /domains/example.com/mailboxes/bob.example
        /domains/example.com/sheets.pdf /domains/example.com/mailboxes.csv /domains/example.org /domains/nosuch.example /servers /branding
        /domains.json /..%2f..%2fdomains%2fexample.com /sheet/../domains/example.com //domains/example.com)) {
        my $answer = request('bob.example', $path);
        is($answer->status, 404, $path);
        unlike($answer->body, qr/alice|zoe|carol/, 'nothing of others');
    }
    for my $path ('/', '/domains/example.com', '/domains/example.com/mailboxes/bob.example/send') {
        is(request('bob.example', $path, 'method' => 'POST', 'body' => 'to=eve@example.net&selected=1')->status, 404, "POST to $path");
    }
    is(request('bob.example', '/', 'method' => 'POST', 'body' => '')->status, 200, "an empty POST of the theme's is a GET");
};

subtest 'who does not have the module' => sub {
    like($server->request('GET', "/$name/index.cgi/", 'user' => undef)->body, qr/Login to Webmin/, 'a browser without a session');
    put("$usermin/etc/usermin.mods", "bob.example:-:$name\n");
    my $answer = request('bob.example', '/');
    is($answer->status, 403, 'a user from whom it was taken');
    like($answer->body, qr/is not allowed to use the $name module/, 'in the words of the panel');
    unlike($answer->body, qr/bob\@example/, 'and nothing else');
    is(request('alice.example', '/')->status, 200, 'others have it');
    unlink("$usermin/etc/usermin.mods");
    put("$usermin/etc/webmin.acl", "user: changepass mailbox\n");
    is(request('bob.example', '/sheet.pdf')->status, 403, 'nobody, when it was taken from all');
    put("$usermin/etc/webmin.acl", "user: changepass mailbox $name\n");
};

subtest 'in the language of the user' => sub {
    put("$usermin/etc/config", "lang=en\nproduct=usermin\nlang_bob.example=de.UTF-8\n");
    like(request('bob.example', '/')->body, qr/Der Benutzername ist/, "the user's own");
    like(request('alice.example', '/')->body, qr/User name is/, "Usermin's");
    put("$usermin/etc/config", "lang=en\nproduct=usermin\n");
};

subtest "the settings are those of the module in Webmin" => sub {
    my $config = content("$etc/$name/config");
    put("$etc/$name/config", $config . "submission_port=2587\n");
    put("$usermin/etc/$name/config", "submission_port=3587\nsocket=/nowhere\n");
    like(request('bob.example', '/settings.txt')->body, qr/\b2587\b/, 'its ports');
    unlink("$usermin/etc/$name/config");
    put("$etc/$name/config", $config);
};

subtest 'the service does not run' => sub {
    my $config = content("$etc/$name/config");
    put("$etc/$name/config", "socket=$folder/nowhere.sock\n");
    my $answer = request('bob.example', '/');
    put("$etc/$name/config", $config);
    is($answer->status, 503, 'a status');
    like($answer->body, qr/The service that makes these pages is not running\..*Tell the administrator of this server\./s, 'what to do');
    unlike($answer->body, qr/<pre>|repair|\Q$folder\E/, 'without commands and paths');
};

subtest 'removal' => sub {
    mkdir("$usermin/var/modules/$name");
    put("$usermin/etc/webmin.acl", "user: changepass mailbox $name\nother: $name mailbox\n");
    {
        no warnings 'redefine';
        local *unlink_file = sub { return (0, 'not permitted') };
        is_deeply([ grep { /usermin/i } tear_down() ], ["$module: not permitted"], 'a folder that cannot be removed is reported');
    }
    is_deeply([ grep { /usermin/i } tear_down() ], [], 'no errors');
    is(content("$usermin/etc/webmin.acl"), "user: changepass mailbox\nother: mailbox\n", 'the module is taken from everybody');
    is_deeply([ grep { -e } $module, $own, "$usermin/var/modules/$name" ], [], 'its folders are gone');
    put("$usermin/etc/webmin.acl", "user: changepass mailbox\n");
    my %after = %{ everything($usermin) };
    # The stand-ins write their own configuration and log here.
    for my $file (qw(etc/miniserv.conf etc/actions)) { delete($_->{$file}) for \%after, $before }
    is_deeply(\%after, $before, 'Usermin is as it was before');
    is_deeply([ tear_down() ], [], 'removal can be run again');
    set_up_usermin();
    unlink_file($own);
    mkdir("$usermin/root/.$name.new.2147483647");
    remove_usermin();
    is_deeply([ folders() ], ['mailbox'], 'it removes what a set-up has left that was killed before its end');
};

done_testing();
