#!/usr/bin/perl
# The module, the stand-ins and docs/webmin-contract.md have the same functions of Webmin and Virtualmin.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use TestPanel;

my $folder = make_panel('v8_2' => 1);
my $root   = "$FindBin::Bin/../..";
my $source = join("\n", map { content($_) =~ s/^\s*#.*$//gmr } glob("$root/src/webmin/*.pl $root/src/webmin/*.cgi $root/src/webmin/usermin/*.pl"));
my $list   = content("$root/docs/webmin-contract.md");

# listed(title) Returns the functions in the table under a title.
sub listed {
    my ($title) = @_;
    my ($part) = $list =~ /^## \Q$title\E\n(.*?)(?=^## |\z)/ms;
    my @names = sort($part =~ /^\| `(\w+)` \|/gm);
    return @names;
}

# functions(package) Returns the functions that a stand-in replaces. The names of its own begin with an underscore.
sub functions {
    my ($package) = @_;
    no strict 'refs';
    my %imported = $package eq 'WebminCore' ? () : map { $_ => 1 } @WebminCore::EXPORT;
    my @names = sort grep { !/^_/ && !$imported{$_} && defined(&{"${package}::$_"}) } keys %{"${package}::"};
    return @names;
}

# unique(names) Returns names in their order, each once.
sub unique { my (@names) = @_; my %once = map { $_ => 1 } @names; my @sorted = sort keys %once; return @sorted }

require WebminCore;
WebminCore::foreign_require('virtual-server', 'virtual-server-lib.pl');

my @exported = sort @WebminCore::EXPORT;
is_deeply([ listed("Webmin's library") ], \@exported, "Webmin's library: the list has the functions of the stand-in");
is_deeply([ grep { $source !~ /(?<![\w:>])$_\(/ } @exported ], [], 'the module uses each of these functions');

my $users = [ unique($source =~ /\bacl::(\w+)\(/g) ];
is_deeply([ listed("Webmin's users") ], $users, "Webmin's users: the list has the functions that the module uses");
is_deeply([ functions('acl') ], $users, 'the stand-in has the same functions');

my $apache = [ unique($source =~ /(?<![@\$\w:])apache::(\w+)/g) ];
is_deeply([ listed("Webmin's Apache module") ], $apache, "Webmin's Apache module: the list has the functions that the module uses");
is_deeply([ functions('apache') ], $apache, 'the stand-in has the same functions');

my $virtualmin = [ unique($source =~ /\bvirtual_server::(\w+)\b(?<![%@\$])/g) ];
my @variables = $list =~ /^Variables: (.*?)\.$/ms ? $1 =~ /`[%@](\w+)`/g : ();
my @called = grep { my $name = $_; !grep { $_ eq $name } @variables } @$virtualmin;
is_deeply([ listed("Virtualmin's library") ], \@called, "Virtualmin's library: the list has the functions that the module uses");
is_deeply([ functions('virtual_server') ], \@called, 'the stand-in has the same functions');

my $server = content("$FindBin::Bin/lib/miniserv.pl");
my ($miniserv) = $list =~ /^## MiniServ\n(.*?)^## /ms;
for my $name (unique($source =~ /\$miniserv::(\w+)/g)) {
    like($miniserv, qr/\$miniserv::$name\b/, "MiniServ: $name is listed");
    like($server, qr/^our .*\$$name\b/m, "MiniServ: the stand-in has $name");
}
like($miniserv, qr/`\Q$_\E`/, "MiniServ: $_ is listed") for unique($source =~ /\btied\(\*STDOUT\)/g);

my ($called_by_virtualmin) = $list =~ /It calls these functions of `virtual_feature\.pl`: (.*?)\./s;
is_deeply([ unique($called_by_virtualmin =~ /`(\w+)`/g) ], [ unique(content("$root/src/webmin/virtual_feature.pl") =~ /^sub (\w+)/gm) ],
    'the plugin: the list has its functions');

my ($files) = $list =~ /^## Files\n(.*)/ms;
for my $name (unique($source =~ m{\$module_config_directory/([\w-]+)}g)) {
    like($files, qr/`\Q$name\E`/, "the file $name is listed");
}

done_testing();
