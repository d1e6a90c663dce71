#!/usr/bin/perl
# Every page and file of the module: the app makes it, and the panel stands around it.
use strict;
use warnings;
require './virtualmin-mail-setup-lib.pl';

answer_request();
