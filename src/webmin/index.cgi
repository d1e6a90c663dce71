#!/usr/bin/perl
# Every page and file of the module: the app makes it, and the panel stands around it.
use strict;
use warnings;

# Until the app is asked, what is answered is a refusal of Webmin's own, which it would send as a success: to a user who
# has not got the module, say.
{
    no warnings 'once';
    ($miniserv::ok_code, $miniserv::ok_message) = (403, 'Forbidden') if ref(tied(*STDOUT)) eq 'miniserv';
}
require './virtualmin-mail-setup-lib.pl';

answer_request();
