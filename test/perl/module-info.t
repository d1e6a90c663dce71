#!/usr/bin/perl
# module.info is what Webmin reads of the module, the way Webmin reads it.
use strict;
use warnings;
use FindBin;
use JSON::PP;
use Test::More;

my $root = "$FindBin::Bin/../..";

# read_file(path) Returns a hash of the key=value lines, as Webmin's own library does.
sub read_file {
    my ($path) = @_;
    open(my $file, '<', $path) or die "$path: $!";
    my %values;
    while (my $line = <$file>) {
        $line =~ s/[\r\n]//g;
        next if $line =~ /^#/ || $line !~ /=/;
        my ($key, $value) = split(/=/, $line, 2);
        $values{$key} = $value;
    }
    return %values;
}

my %info = read_file("$root/module.info");
is($info{name}, 'virtualmin-mail-setup', 'its name is the name of its folder');
is($info{depends}, 'virtual-server', 'Webmin installs it where Virtualmin is');
ok($info{desc}, 'it has a title');

open(my $file, '<', "$root/package.json") or die $!;
my $package = decode_json(do { local $/; <$file> });
is($info{version}, $package->{version}, 'its version is the one of package.json');

done_testing();
