# A stand-in for the system's list of users: getpwnam() reads the file that $TEST_PASSWD names, in the format of passwd, if that
# is set. Load it before the code that calls getpwnam() is compiled.
package TestUsers;
use strict;
use warnings;

BEGIN {
    no warnings 'once';
    *CORE::GLOBAL::getpwnam = sub {
        my ($name) = @_;
        return CORE::getpwnam($name) if !$ENV{'TEST_PASSWD'};
        open(my $file, '<', $ENV{'TEST_PASSWD'}) or die "$ENV{'TEST_PASSWD'}: $!";
        while (defined(my $line = <$file>)) {
            chomp($line);
            my ($user, $password, $uid, $gid, $gecos, $home, $shell) = split(/:/, $line);
            return ($user, $password, $uid, $gid, '', '', $gecos, $home, $shell) if $user eq $name;
        }
        return ();
    };
}

1;
