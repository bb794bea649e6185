Platform phones: CreatePhone, ModifyPhone, DeletePhone and GetPhone; Create and Modify of gateways and phones take settings beyond the manual's.
