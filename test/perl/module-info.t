#!/usr/bin/perl
# module.info, read as Webmin reads it.
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
is($info{name}, 'virtualmin-mail-setup', 'the name is that of the folder');
is($info{depends}, 'virtual-server', 'it depends on Virtualmin');
ok($info{desc}, 'there is a title');

open(my $file, '<', "$root/package.json") or die $!;
my $package = decode_json(do { local $/; <$file> });
is($info{version}, $package->{version}, 'the version is that of package.json');

done_testing();
