# Run by Webmin when the module's configuration is saved.
use strict;
use warnings;
use File::Basename qw(dirname);
require(dirname(__FILE__) . '/setup-lib.pl');

# config_post_save(&new, &old) Starts or stops the answer service as the settings say, and takes a new snapshot: the settings may
# have changed the servers, too. An error is shown on the module's pages.
sub config_post_save {
    apply_answers();
}

1;
